"""Files whose settings have no sign between a name and its value."""

from __future__ import annotations

import pytest

from kubectl_snapshot.document.redaction.detector import replace_credentials

FILLER = "x: y\n" * 80


def mark(secret: str) -> str:
    return f"<{secret}>"


@pytest.mark.parametrize(
    "text",
    [
        *("password <hunter22>", "  password <c0rr3ct-h0rse>", "\tpassword <hunter22> ;"),
        *("passphrase <pa55>", "password 7 <0822455D0A16>", "user a\npassword <hunter22>\r\nx y"),
        *('secret "<PIF3bwN8xF3rSHX=>";', "shared_key <Birch57Xh09k3>", 'token "<Larch0Kx9>"'),
        *('password "<a bc>"', "client-secret <Birch57Xh09k3>", "requirepass <abcd>"),
        *("CREATE USER a WITH PASSWORD '<hunter22>';", "alter role a password '<x y>'"),
        *("CREATE USER a IDENTIFIED BY '<x y>'", "ALTER USER a Identified  by '<abcd>'"),
        "ALTER USER 'a'@'%' IDENTIFIED WITH mysql_native_password BY '<hunter22>'",
        "ALTER USER 'a'@'%' IDENTIFIED WITH caching_sha2_password AS '<$A$005$x>'",
        *("createUser mon SHA-256 <abcdefgh>", 'createUser mon MD5 <"abcdefgh" DES "x y">'),
        "createUser -e 0x80001f88 mon SHA <abcdefgh>\nrouser mon",
    ],
)
def test_a_value_without_a_sign_is_replaced(text: str) -> None:
    plain = text.replace("<", "").replace(">", "")
    assert replace_credentials(plain, mark) == text
    assert replace_credentials(f"{FILLER}{plain}\n", mark) == f"{FILLER}{text}\n"


@pytest.mark.parametrize(
    "text",
    [
        *("password required", "password policy", "secret management", "token bucket"),
        *("pass rclone/minio", "password /etc/pw1", "password ${PW}", "password sha512"),
        *("token v1beta1", "secret db-credentials2", 'secret "db-credentials";', "key client1.key"),
        *("auth SHA256", "password abc", "password a1", "the password hunter22", "password x1 y2"),
        *("PASSWORD '${PW}'", "PASSWORD 'true'", "IDENTIFIED BY '$(PW)'", "identified by name"),
        *("createUser mon SHA", "createUser mon", "PasswordAuthentication no", "password 7 abc"),
    ],
)
def test_prose_a_path_a_reference_and_a_setting_stay(text: str) -> None:
    assert replace_credentials(text, mark) == text
    assert replace_credentials(f"{FILLER}{text}\n", mark) == f"{FILLER}{text}\n"
