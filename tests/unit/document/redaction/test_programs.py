from __future__ import annotations

import pytest

from kubectl_snapshot.document.redaction.detector import replace_credentials
from kubectl_snapshot.document.redaction.nested import redact_value
from kubectl_snapshot.document.redaction.programs import find_in_words
from kubectl_snapshot.document.scalars import to_reading


def mark(secret: str) -> str:
    return f"<{secret}>"


COMMANDS = [
    ("curl -u a:p1 https://h", "curl -u a:<p1> https://h"),
    ("curl -u p1 https://h", "curl -u <p1> https://h"),
    ("curl --user=a:p1 h", "curl --user=a:<p1> h"),
    ("curl -ua:p1 h", "curl -ua:<p1> h"),
    ("wget --http-password p1 h", "wget --http-password <p1> h"),
    ("/usr/bin/ctr images pull --user a:p1 r", "/usr/bin/ctr images pull --user a:<p1> r"),
    ("docker login -u a -p p1 r", "docker login -u a -p <p1> r"),
    ("docker run -p p1 r", "docker run -p p1 r"),
    ("sshpass -pp1 ssh h", "sshpass -p<p1> ssh h"),
    ("ssh -p p1 h", "ssh -p p1 h"),
    ("mysqldump -uroot -pp1 db", "mysqldump -uroot -p<p1> db"),
    ("mysql -p", "mysql -p"),
    ("redis-cli -h h -a p1", "redis-cli -h h -a <p1>"),
    ("openssl enc -k p1", "openssl enc -k <p1>"),
    ("openssl rsa -passin pass:p1", "openssl rsa -passin pass:<p1>"),
    ("openssl rsa -passin env:P1", "openssl rsa -passin env:P1"),
    ("openssl rsa -passin stdin", "openssl rsa -passin stdin"),
    ("ldapsearch -w p1 x", "ldapsearch -w <p1> x"),
    ("smbclient -U a%p1 //h/s", "smbclient -U a%<p1> //h/s"),
    ("smbclient -U a //h/s", "smbclient -U a //h/s"),
    ("lftp -u a,p1 h", "lftp -u a,<p1> h"),
    ("7z x -pp1 a.7z", "7z x -p<p1> a.7z"),
    ("etcdctl --user root:p1 get x", "etcdctl --user root:<p1> get x"),
    ("rabbitmqctl add_user a p1", "rabbitmqctl add_user a <p1>"),
    ("rabbitmqctl list_users a p1", "rabbitmqctl list_users a p1"),
    ("vault login -no-print p1", "vault login -no-print <p1>"),
    ("vault login", "vault login"),
    ("wpa_passphrase net p1", "wpa_passphrase net <p1>"),
    ("kubectl create secret generic a --from-literal=k=p1", None),
    ("docker exec db mysql -pp1", "docker exec db mysql -p<p1>"),
    ("curl -u $LOGIN h", "curl -u $LOGIN h"),
    ("htpasswd -b f a p1", "htpasswd -b f a <p1>"),
    ("mc alias set x https://h a p1", "mc alias set x https://h a <p1>"),
    ("mc ls p1", "mc ls p1"),
    ("iscsiadm -m node -o update -v p1", "iscsiadm -m node -o update -v <p1>"),
    ("nmcli device wifi connect x password p1", "nmcli device wifi connect x password <p1>"),
    ("gpg --batch --passphrase p1 -c f", "gpg --batch --passphrase <p1> -c f"),
    ("useradd -p p1 a", "useradd -p <p1> a"),
    ("keytool -list -storepass p1", "keytool -list -storepass <p1>"),
    ("xfreerdp /v:h /u:a /p:p1", "xfreerdp /v:h /u:a /p:<p1>"),
    ("erl -sname a -setcookie p1", "erl -sname a -setcookie <p1>"),
    ("snmpwalk -v2c -c p1 h", "snmpwalk -v2c -c <p1> h"),
    ("mongosh -u a -p p1 h", "mongosh -u a -p <p1> h"),
    ("sqlcmd -U sa -P p1", "sqlcmd -U sa -P <p1>"),
    ("rabbitmqctl change_password a p1", "rabbitmqctl change_password a <p1>"),
    ("skopeo copy --src-creds a:p1 x y", "skopeo copy --src-creds a:<p1> x y"),
    ("any --user a:Tr0ub4dor h", "any --user a:<Tr0ub4dor> h"),
    ("any --user=a:Tr0ub4dor h", "any --user=a:<Tr0ub4dor> h"),
    ("any --userpass a:Tr0ub4dor h", "any --userpass a:<Tr0ub4dor> h"),
    ("docker run --user nginx:nginx-2 h", "docker run --user nginx:nginx-2 h"),
    ("docker run --user=1000:100000 h --user", "docker run --user=1000:100000 h --user"),
    ("redfishtool -u root -p p1 Systems", "redfishtool -u root -p <p1> Systems"),
    ("racadm -r h -pp1 getsel", "racadm -r h -p<p1> getsel"),
    ("ipmitool user set password 2 p1 20", "ipmitool user set password 2 <p1> 20"),
    ("ipmi-sensors -h h -p p1", "ipmi-sensors -h h -p <p1>"),
    ("ilorest login h -u a -p p1", "ilorest login h -u a -p <p1>"),
    ("ssh-keygen -f k -N p1", "ssh-keygen -f k -N <p1>"),
    ("http -a a:p1 h", "http -a a:<p1> h"),
    ("mosquitto_pub -u a -P p1 -t x", "mosquitto_pub -u a -P <p1> -t x"),
    ("weka user login admin p1 -H h", "weka user login admin <p1> -H h"),
    ("rclone obscure p1", "rclone obscure <p1>"),
    ("aws configure set aws_session_token p1", "aws configure set aws_session_token <p1>"),
    ("net ads join -U a%p1", "net ads join -U a%<p1>"),
    ("curl --oauth2-bearer p1 h", "curl --oauth2-bearer <p1> h"),
    ("ipa-client-install -w p1 -U", "ipa-client-install -w <p1> -U"),
]


@pytest.mark.parametrize(("command", "expected"), COMMANDS)
def test_flags_of_programs_hold_secrets(command: str, expected: str | None) -> None:
    expected = expected or command.replace("p1", "<p1>")
    words = to_reading("", command.split(" "))[1]
    assert redact_value(words, "", mark) == f"[{expected}]"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x\ncurl -s -u a:p1 h; ls -u b:p1\n", "x\ncurl -s -u a:<p1> h; ls -u b:p1\n"),
        ('sh -c "curl -u a:p1 h" -u b:p1', 'sh -c "curl -u a:<p1> h" -u b:p1'),
        ('["curl","-u","a:p1","h"]', '["curl","-u","a:<p1>","h"]'),
        ("- curl\n- -u\n- a:p1\nx: 1", "- curl\n- -u\n- a:<p1>\nx: 1"),
        ("curl -u 'a:p 1' h", "curl -u 'a:<p 1>' h"),
        ("curly -u a:p1 h", "curly -u a:p1 h"),
        ("any --user a:Tr0ub4dor h", "any --user a:<Tr0ub4dor> h"),
        ('["any","--user","a:Tr0ub4dor"]', '["any","--user","a:<Tr0ub4dor>"]'),
        ("x --user nobody:nogroup", "x --user nobody:nogroup"),
        (
            f"{'y ' * 200}--user {'a' * 60}:Tr0ub4dor1",
            f"{'y ' * 200}--user {'a' * 60}:<Tr0ub4dor1>",
        ),
        (f"wandb login --host h {'0a' * 20}", f"wandb login --host h <{'0a' * 20}>"),
    ],
)
def test_a_command_in_a_text_ends_where_a_shell_ends_it(text: str, expected: str) -> None:
    assert replace_credentials(text, mark) == expected


def test_an_assignment_that_is_no_flag_of_a_program_stays() -> None:
    assert find_in_words(["openssl", "req", "x=hunter22"]) == {}
    assert find_in_words(["wget", "--http-password=hunter22"]) == {1: (16, 24)}
