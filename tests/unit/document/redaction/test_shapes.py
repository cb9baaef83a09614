from __future__ import annotations

import pytest

from kubectl_snapshot.document.redaction.detector import replace_credentials
from kubectl_snapshot.document.redaction.shapes import SHAPES
from tests.unit.document.secret_corpus import INTRODUCED, SHAPED, make_corpus

HEX = "91e201e5200babb195dde1def1310dca"


def mark(secret: str) -> str:
    return f"<{secret}>"


@pytest.mark.parametrize("name", SHAPED)
def test_a_secret_is_known_by_its_shape(name: str) -> None:
    for secret in make_corpus(4, {name: SHAPED[name]}, 20):
        assert replace_credentials(secret, lambda _: "") in (
            "",
            '{"type": "service_account", "private_key": "", "client_id": "1"}',
        )
        assert secret not in replace_credentials(f"x {secret}\ny", lambda _: "")


def test_each_shape_is_tested() -> None:
    assert set(SHAPES) == ({*SHAPED, *INTRODUCED} - {"private key", "service account"})


# Second forms of one issuer, in two parts, or the scanners of code hosts would take them for leaks.
OTHERS = [
    *("ya" + "29.a0AfH6SMBx-3y_Zab12cd", "GOC" + "SPX-AbCdEfGhIjKlMnOpQrStUv"),
    *("github" + "_pat_11ABCDEFG0aBcDeFgHiJkL", "xa" + "pp-1-A0123-456-abcdef"),
    *("ghs" + "_" + HEX + "abcd", "rk" + "_live_" + HEX, "whsec" + "_" + HEX),
    *(
        "sk" + "-" + HEX,
        "SWM" + "TKN-1-" + HEX,
        "h" + "vb." + HEX,
        "s" + ".maDer9bdu6yH18vmv7OLN66B",
    ),
    *("AbCdEf12345678.atlas" + "v1." + HEX + HEX, "AT" + "BB" + HEX, "key" + "-" + HEX),
    *(HEX + "-us" + "12", "sq0" + "atp-" + HEX, "S" + "K" + HEX, "6ab1" + HEX + "NR" + "AL"),
    *("pul" + "-" + HEX + "01234567", "pscale" + "_tkn_" + HEX, "lin" + "_api_" + HEX + "abcdefgh"),
    *("PM" + "AK-" + HEX[:24] + "-" + HEX + "ab", "nt" + "n_" + HEX + "abcdefgh"),
    *("secret" + "_" + HEX + "abcdefghijk", "cmVm" + "dGtu" + HEX + HEX),
    *("gl" + "c_eyJvIjoiODEyMzQ1IiwibiI6In", "GR1348" + "941" + HEX, "api" + "_org_" + HEX),
    *("sk" + "-or-v1-" + HEX * 2, "sk" + "-lf-12ab34cd-1234-4123-8123-0123456789ab"),
    *("x" + "ai-" + HEX * 2, "ls" + "v2_pt_" + HEX + "_0f1e2d3c4b", "pc" + "sk_3kQ_" + HEX * 2),
    *("AB" + "SK" + HEX * 4 + "==", "sb" + "p_" + HEX + "01234567", "ruby" + "gems_" + HEX * 2),
    *("sg" + "p_local_" + HEX + "01234567", "sg" + "p_" + HEX[:16] + "_" + HEX + "01234567"),
    *(
        "A" + "3-ABCDEF-GHIJKL-MNOPQ-12345-ABCDE-67890",
        "A" + "3-ABCDEF-GHIJKL12345-ABCDE-67890-AB12C",
    ),
    *(
        "pat" + "AbCd1234EfGh56." + HEX * 2,
        "CC" + "IPAT_" + HEX + "_" + HEX,
        "figd" + "_x-" + HEX * 2,
    ),
    *("HR" + "KU-AA" + HEX * 2, "fo" + "1_" + HEX + "abcdefghijk", "fm" + "2_" + HEX * 3),
    *("xk" + "eysib-" + HEX * 2 + "-0123456789abcdef", "AT" + "CTT3xFfGN0" + HEX * 2),
    *("g" + "sk_aB3dE5gH7jK9mN2pQ4sT6vW8yZ1cX3", "ab" + "c_pt_live_aB3dE5gH7jK9mN2pQ4sT6vW8yZ1cX3"),
    "M" + "IIEpAIBAAKCAQEAu1SU1LfVLPHCozMx",
    "M" + "HcCAQEEIIrYSSNQFaA2Hwf1duRSxKtLYX5C",
    "M" + "C4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK",
    "M" + "IGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEH",
    "M" + "IIFHDBOBgkqhkiG9w0BBQ0wQTApBgkqhkiG9w0BBQwwHAQI",
    "b3Blb" + "nNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ",
    "{SS" + "HA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
    "argon2:$arg" + "on2id$v=19$m=10240,t=10,p=8$GaSSrotNZXX31lZNvhEs7A$aU8NiF0bZTKnYSAdyK",
    "A" * 86 + "==",
]


@pytest.mark.parametrize("secret", OTHERS)
def test_an_issuer_has_several_shapes(secret: str) -> None:
    assert replace_credentials(f"x {secret}", mark) == f"x <{secret}>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://user:a@b@host/x", "https://user:<a@b>@host/x"),
        ("https://:a@host", "https://:<a>@host"),
        ("https://user:a/b@host", "https://user:<a/b>@host"),
        ("http://u:a@b,http://u:c@d", "http://u:<a>@b,http://u:<c>@d"),
        ("https://user@host:1/x@y", "https://user@host:1/x@y"),
        ("https://host:8443/x@sha256:a", "https://host:8443/x@sha256:a"),
        ("https://[::1]:1/a@b", "https://[::1]:1/a@b"),
        (f"https://{HEX}@h", f"https://<{HEX}>@h"),
        (f"https://{HEX}:x@h", f"https://<{HEX}>:<x>@h"),
        ("https://a-plain-service-account-of-us@h", "https://a-plain-service-account-of-us@h"),
        (f"https://{'ab' * 16}@h", f"https://<{'ab' * 16}>@h"),
        (f"https://{'ab' * 15}@h", f"https://{'ab' * 15}@h"),
        ("netroot=iscsi:u:abcd@host::::iqn", "netroot=iscsi:u:<abcd>@host::::iqn"),
        ("app:pw1@tcp(db:3306)/x", "app:<pw1>@tcp(db:3306)/x"),
        ("app:pw1@db.corp:5432/x", "app:<pw1>@db.corp:5432/x"),
        ("scott/tiger@//db:1521/x", "scott/<tiger>@//db:1521/x"),
        ("http_proxy=u:pw1@proxy x", "http_proxy=u:<pw1>@proxy x"),
        ("x/driver:580@sha256:9f86", "x/driver:580@sha256:9f86"),
        ("10.4.1.1@o2ib:10.4.1.2@o2ib:/x", "10.4.1.1@o2ib:10.4.1.2@o2ib:/x"),
        ("git@github.com:o/r.git", "git@github.com:o/r.git"),
        ("jane:doe@example.com", "jane:doe@example.com"),
    ],
)
def test_of_a_login_the_password_is_replaced(text: str, expected: str) -> None:
    assert replace_credentials(text, mark) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x?se=1&sig=abcdefghijklmno1%3D&x", "x?se=1&sig=<abcdefghijklmno1%3D>&x"),
        ("Bearer abcdefghijklmno1 x", "Bearer <abcdefghijklmno1> x"),
        ("Basic dXNlcjpwYXNz authentication", "Basic <dXNlcjpwYXNz> authentication"),
        ("Basic authentication x", "Basic authentication x"),
        ("Basic dXNlcjpwYXM= x", "Basic <dXNlcjpwYXM=> x"),
        (
            f"https://hooks.slack.com/services/T0/B0/{HEX}",
            f"https://hooks.slack.com/services/<T0/B0/{HEX}>",
        ),
        (
            f"https://discord.com/api/webhooks/1234/{HEX}",
            f"https://discord.com/api/webhooks/1234/<{HEX}>",
        ),
        (
            f"https://x.webhook.office.com/webhookb2/a@b/{HEX}",
            f"https://x.webhook.office.com/webhookb2/<a@b/{HEX}>",
        ),
        (
            f"https://outlook.office.com/webhook/a@b/{HEX}",
            f"https://outlook.office.com/webhook/<a@b/{HEX}>",
        ),
        ("-----BEGIN CERTIFICATE-----\nMIIB", "-----BEGIN CERTIFICATE-----\nMIIB"),
        ("LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t", "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t"),
        ("MIIDBTCCAe2gAwIBAgIUU3pQ945D6yZXCzKw", "MIIDBTCCAe2gAwIBAgIUU3pQ945D6yZXCzKw"),
        ("MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIB", "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIB"),
        ("sha512-" + "A" * 86 + "==", "sha512-" + "A" * 86 + "=="),
        ("node01.cluster0prod2024", "node01.cluster0prod2024"),
        ("a1b2c3.0a1b2c3d4e5f6a7b:6443", "a1b2c3.0a1b2c3d4e5f6a7b:6443"),
        ("x.a1b2c3.0a1b2c3d4e5f6a7b", "x.a1b2c3.0a1b2c3d4e5f6a7b"),
        ("x a1b2c3.0a1b2c3d4e5f6a7b", "x <a1b2c3.0a1b2c3d4e5f6a7b>"),
        ('{"kty":"EC","d":"abcdefghijklmno1qr1","x":"abcdefghijklmno1qr2"}', None),
        ("machine a login b password c1 x", "machine a login b password <c1> x"),
        ("machine a password c1", "machine a password <c1>"),
        ("requirepass c1", "requirepass <c1>"),
        ("rocommunity c1 10.0.0.0/8", "rocommunity <c1> 10.0.0.0/8"),
        ("com2sec a default c1 community", "com2sec a default <c1> community"),
        ("echo root:c1 | chpasswd", "echo root:<c1> | chpasswd"),
        ("the login has a password here", "the login has a password here"),
        ("requirepass " + "c1" * 60, f"requirepass <{'c1' * 60}>"),
        ("x\nbindpw c1\n", "x\nbindpw <c1>\n"),
        ("the bindpw option is c1", "the bindpw option is c1"),
        ('rootpw "c 1" # x', 'rootpw "<c 1>" # x'),
        ("auth_pass c1", "auth_pass <c1>"),
        (" neighbor 10.0.0.1 password 7 c1", " neighbor 10.0.0.1 password 7 <c1>"),
        ("user a insecure-password c1", "user a insecure-password <c1>"),
        ("user admin password c1\n", "user admin password <c1>\n"),
        ("the user has password c1 here", "the user has password c1 here"),
        ("enable secret 5 c1", "enable secret 5 <c1>"),
        ("ip ospf message-digest-key 1 md5 c1", "ip ospf message-digest-key 1 md5 <c1>"),
        ("stats auth a:c1", "stats auth a:<c1>"),
        (': PSK "c 1"', ': PSK "<c 1>"'),
        ("bindpw /etc/ldap/pw", "bindpw /etc/ldap/pw"),
        ("echo c1 | kinit a", "echo <c1> | kinit a"),
        ("printf '%s' 'c 1' | docker login --password-stdin", None),
        ("echo -n c1 | passwd --stdin root", "echo -n <c1> | passwd --stdin root"),
        ('echo "c1" | sudo -S ls # password', 'echo "<c1>" | sudo -S ls # password'),
        ("echo c1 | gpg --passphrase-fd 0", "echo <c1> | gpg --passphrase-fd 0"),
        ("echo password | grep c1", "echo password | grep c1"),
        ("GOOG7XQ2WZ5NV3TRB8MJKLPS", "<GOOG7XQ2WZ5NV3TRB8MJKLPS>"),
    ],
)
def test_what_stands_around_tells_a_secret(text: str, expected: str | None) -> None:
    found = replace_credentials(text, mark)
    if expected is None:
        assert found.count("<") == 1
    else:
        assert found == expected


def test_a_key_that_is_cut_off_is_replaced_to_the_end() -> None:
    kind = "PRIVATE" + " KEY"
    text = f"a\n-----BEGIN EC {kind}-----\nMHcCAQ\nb"
    assert replace_credentials(text, mark) == f"a\n<-----BEGIN EC {kind}-----\nMHcCAQ\nb>"
