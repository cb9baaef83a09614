"""Files whose settings have no sign between a name and its value."""

from __future__ import annotations

import re

import pytest

from kubectl_snapshot.document.redaction.detector import replace_credentials
from tests.docs_support import ROOT
from tests.redaction.cases import Case, read_cases

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


FILES = str(ROOT / "tests/corpora/redaction/files-in-texts.yaml")


@pytest.mark.parametrize("case", read_cases(FILES), ids=lambda case: case.id)
def test_a_file_in_a_long_text_is_searched_as_it_is_alone(case: Case) -> None:
    (text,) = case.content["files"].values()
    alone = replace_credentials(text, mark)
    assert replace_credentials(f"{FILLER}{text}{FILLER}", mark) == f"{FILLER}{alone}{FILLER}"
    assert (alone != text) == bool(case.secrets)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "# database:username:password\na:54:a:b:<c>",
            "db:5432:*:b:<c\\:d>",
            "*:*:a:b:<Tango8Quartz>",
        ),
        *("a * <abcd> *", '"a"\t*\t"<a b>"\t10.0.0.1', "a * <abcd> 10.0.0.1\r"),
        *("[a.b]:25 c:<d>", "[a.b]:587\tc@d:<e> ", "a.b c@d.e:<Tango8Quartz>"),
        *(
            "incominguser a <b>",
            "k_g <0x3132333435>",
            "MONITOR a@b 1 c <d> primary",
        ),
        *("chpasswd:\n  list: |\n    a:<b>\n    'c:<d>'", "chpasswd: # x\n  a:<b>\r\n c:<d>"),
        *("a:{PLAIN}<b>:1", "a:{CLEAR}<b>", "rootpw --plaintext <x>", "rootpw --iscrypted --x <y>"),
        *("password password <x>", "password-again password <x>", "Unseal Key 2: <abc>"),
        *("private-key <(echo <x>)", 'A-Password := "<Tango8Quartz>"', "Recovery Key 12: <abc>"),
        *("vault operator unseal <abcdef>", "ipmitool user set password 3 <abcdef>"),
        "echo <abcdef> | cryptsetup luksOpen /dev/sdb data -",
        f"path: /etc/munge/munge.key\nx: <{'Ab1+' * 11}>\ny: {'Ab1+' * 10}A",
    ],
)
def test_a_field_by_its_place_is_replaced(text: str) -> None:
    plain = re.sub("<(?!\\()|>", "", text)
    assert replace_credentials(plain, mark) == text
    assert replace_credentials(f"{FILLER}{plain}\n", mark) == f"{FILLER}{text}\n"


@pytest.mark.parametrize(
    "text",
    [
        *("db:5432:a:b:true", "db:5432:a:b", "db:5432:a:b:c:d", "*:*:a:b:group", "#db:5432:a:b:c"),
        *("a * abc *", "a * abcd x", "a * * *", "0 5 * * *", "a soft * *", "* * true *"),
        *("a:*:1:0:99999:7:::", "a:!!:1:0:99999:7:::", "a:b:1:0:99999:7:::"),
        *("[a.b]:25 smtp:[c]:25", "[a.b]:25 c", "a.b c@d.e:backup", "a.b c@d.e:22", "x a@b:C1d e"),
        *('"a" "b1-C2-d3-e4/f"', '"a" "region"', 'user = "1000:1000"', 'user = "nginx:nginx"'),
        *("chpasswd:\n  expire: false\nuser:x", "chpasswd:\n  list: |\n    a: b\nc:d", "chpasswd:"),
        *("MONITOR a@b x c d", "monitor a b 1", "user a off >", "k_g", "incominguser a"),
        *("rootpw --lock", "Unseal Key Shares 5", "munge.key", f"munge.key {'/etc/munge' * 5}"),
    ],
)
def test_a_field_of_another_file_stays(text: str) -> None:
    assert replace_credentials(text, mark) == text
    assert replace_credentials(f"{FILLER}{text}\n", mark) == f"{FILLER}{text}\n"


def test_a_password_of_redis_follows_its_sign() -> None:
    assert replace_credentials("user a on >b ~*", mark) == "user a on ><b> ~*"


def test_a_list_of_logins_ends_with_its_indentation() -> None:
    text = "chpasswd:\n  list: |\n    a:b1\nnext:c1\n  d:e1\n"
    assert replace_credentials(text, mark) == text.replace("b1", "<b1>")
