from __future__ import annotations

import pytest

from kubectl_snapshot.document.redaction.names import (
    MAX_NAME,
    NAMED,
    NONE,
    OBJECT,
    OPAQUE,
    PASSWORD,
    RANDOM,
    TOKEN,
    judge_name,
)

LEVELS = {
    PASSWORD: (
        "password DB_PASSWORD adminPassword rd.iscsi.password"
        " inst.vncpassword password1 passwords.0 password#2 auth.password.value"
        " passphrase APP_PASSCODE DB_PASS MYSQL_PWD wifi.psk ZBX_TLSPSK DBPASS"
        " bindpw BIND_PW requirepass pin imagePullSecret.password minPassword passwordOld"
        " DB_PASSWORD_PROD hashed_password password_hash rgw_keystone_admin_password"
    ),
    TOKEN: (
        "--registry-token aws_session_token .dockerconfigjson token.value identitytoken numToken"
        " masterauth jwt accessToken TOKEN_2 application_credential_secret"
    ),
    NAMED: (
        "apiKey APIKey NGC_API_KEY AWS_SECRET_ACCESS_KEY clientSecret secretId privateKey"
        " client-key-data AccountKey app-key routing_key service-key fernetKey unseal-key"
        " presharedKey authkey masterkey secretaccesskey apisecret DB_SECRET hmac_secret"
        " SECRET_KEY_BASE hmac-secret.inline_string ERLANG_COOKIE REDIS_AUTH"
        " jwtKey aes-key mungeKey chapInitiatorSecret remoteWrite.authorization.credentials"
        " adminSecretKey LITELLM_SALT_KEY seed-key"
    ),
    OPAQUE: (
        "Authorization credentials creds auth registry.auth basicAuth"
        " tokens passwordKey userKey cookie community rootUserSecretKey existingSecretKey"
        " SENTRY_DSN existingSecretPasswordKey basic.auth.user.info passwordFoo login CATTLE_BEARER"
        " x-honeycomb-team HONEYCOMB_TEAM"
    ),
    OBJECT: "secret database.secret existingSecret imagePullSecrets tokenSecret",
    RANDOM: "key tls.key secretEnv.FOO extraSecrets.bar stringData.x passwords.anyone",
    NONE: (
        "quiet keyboard secretmem.enable iommu.passthrough pci.pass_through authorization-mode"
        " authentication-token-webhook authentication-token-webhook-cache-ttl tokenizer publicKey"
        " image-credential-provider-config tls-private-key-file TOKEN_FILE AWS_ACCESS_KEY_ID"
        " driver.licensingConfig.secretName tokenSecretRef.name token.ttl TOKENS_PER_SECOND"
        " external-secrets.image.tag tokenService.resources.limits.memory extraSecretMounts.name"
        " checksum/secret podAnnotations.checksum/auth-secret nvidia.com/token-bucket tokenfile"
        " --initial-cluster-token discovery-token-ca-cert-hash password_encryption monkey"
        " donkey turkey hotkey hockey whiskey BYPASS"
        " loginUrl team honeycomb-dataset"
        " token.aud partitionKey keyname secrets.url user.info 7 value x.value"
    ),
}


@pytest.mark.parametrize(
    ("name", "level"), [(name, level) for level, names in LEVELS.items() for name in names.split()]
)
def test_a_name_says_which_values_are_credentials(name: str, level: int) -> None:
    assert judge_name(name) == level


def test_a_name_may_be_empty() -> None:
    assert judge_name("") == judge_name(".") == judge_name("[]") == NONE


def test_only_the_end_of_a_long_name_is_read() -> None:
    assert judge_name("x" * 10_000 + "_password") == PASSWORD
    assert judge_name("password" + "-x" * MAX_NAME) == NONE
