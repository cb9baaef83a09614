"""Secrets of every shape, made up anew by each run of the tests: none of them was ever anybody's.

Prefixes are written in two parts, or the scanners of code hosts would take this file for a leak.
"""

from __future__ import annotations

import random
import string
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable

LETTERS = string.ascii_letters
ALNUM = LETTERS + string.digits
HEX = "0123456789abcdef"
BASE32 = string.ascii_uppercase + "234567"
# Neither a quote nor a separator, so that each place of a document can hold it as it is.
PASSWORD = ALNUM + "!#%+~_-.^"

Make = Callable[[random.Random], str]


def take(generator: random.Random, characters: str, length: int) -> str:
    return "".join(generator.choices(characters, k=length))


def make_json_web_token(generator: random.Random) -> str:
    parts = ('{"alg":"HS256"}', f'{{"sub":"{take(generator, ALNUM, 12)}"}}')
    encoded = [urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, take(generator, ALNUM + "-_", 43)])


def make_key_block(generator: random.Random) -> str:
    label = generator.choice(("", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "))
    lines = [take(generator, ALNUM + "+/", 64) for _ in range(4)] + [
        f"{take(generator, ALNUM, 14)}=="
    ]
    kind = label + "PRIVATE" + " KEY"
    return "\n".join([f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----"])


def make_account_key(generator: random.Random) -> str:
    """A Google Cloud service account's file."""
    block = make_key_block(generator).replace("\n", "\\n")
    return f'{{"type": "service_account", "private_key": "{block}", "client_id": "1"}}'


# Found wherever they stand, by their shape; those of SHAPES are called as they are there.
SHAPED: dict[str, Make] = {
    "AWS": lambda g: "AK" + "IA" + take(g, BASE32, 16),
    "Google Cloud": lambda g: "AI" + "za" + take(g, ALNUM, 35),
    "GitHub": lambda g: "gh" + g.choice("pousr") + "_" + take(g, ALNUM, 36),
    "GitLab": lambda g: "gl" + "pat-" + take(g, ALNUM + "-_", 20),
    "Slack": lambda g: "xo" + "xb-" + take(g, string.digits, 12) + "-" + take(g, ALNUM, 24),
    "NVIDIA": lambda g: "nv" + "api-" + take(g, ALNUM + "-_", 64),
    "Hugging Face": lambda g: "hf" + "_" + take(g, LETTERS, 34),
    "OpenAI, Anthropic": lambda g: "sk" + "-ant-" + take(g, ALNUM + "-_", 40),
    "Perplexity, xAI, LangSmith, Pinecone, Bedrock": lambda g: "pp" + "lx-" + take(g, ALNUM, 48),
    "NATS": lambda g: "S" + g.choice("ACNOUX") + take(g, BASE32, 56),
    "Rancher": lambda g: (
        "tok" + "en-" + take(g, ALNUM.lower(), 5) + ":" + take(g, ALNUM.lower(), 54)
    ),
    "OpenShift": lambda g: "sha" + "256~" + take(g, ALNUM + "-_", 43),
    "SonarQube, Supabase, Sourcegraph, RubyGems": lambda g: "sq" + "u_" + take(g, HEX, 40),
    "1Password": lambda g: "op" + "s_eyJ" + take(g, ALNUM, 250),
    "Airtable, CircleCI, Figma, Alibaba, Heroku, Fly, Brevo": lambda g: (
        "LT" + "AI" + take(g, ALNUM, 20)
    ),
    "any issuer's prefix": lambda g: "zq" + "_" + take(g, ALNUM, 36),
    "Stripe": lambda g: "sk" + "_live_" + take(g, ALNUM, 24),
    "npm": lambda g: "np" + "m_" + take(g, ALNUM, 36),
    "PyPI": lambda g: "py" + "pi-" + take(g, ALNUM + "-_", 60),
    "Docker": lambda g: "dc" + "kr_pat_" + take(g, ALNUM + "-_", 27),
    "HashiCorp": lambda g: "hv" + "s." + take(g, ALNUM, 24),
    "DigitalOcean": lambda g: "do" + "p_v1_" + take(g, HEX, 64),
    "Grafana": lambda g: "gl" + "sa_" + take(g, ALNUM, 32) + "_" + take(g, HEX, 8),
    "kubeadm, bootstrap token": lambda g: f"a1{take(g, HEX, 4)}.b2{take(g, HEX, 14)}",
    "k3s, RKE2": lambda g: "K1" + "0" + take(g, HEX, 64) + "::server:" + take(g, HEX, 32),
    "Azure": lambda g: take(g, ALNUM, 3) + "8" + "Q~" + take(g, ALNUM + "~.-_", 34),
    "Telegram": lambda g: take(g, string.digits, 9) + ":A" + "A" + take(g, ALNUM + "-_", 33),
    "Databricks": lambda g: "da" + "pi" + take(g, HEX, 32),
    "Tailscale": lambda g: "ts" + "key-auth-" + take(g, ALNUM, 17) + "-" + take(g, ALNUM, 32),
    "Atlassian": lambda g: "AT" + "ATT3" + take(g, ALNUM + "-_=", 60),
    "SendGrid, Mailgun, Mailchimp": lambda g: (
        "S" + "G." + take(g, ALNUM + "-_", 22) + "." + take(g, ALNUM + "-_", 43)
    ),
    "Shopify, Square, Twilio": lambda g: "sh" + "pat_" + take(g, HEX, 32),
    "New Relic": lambda g: "NR" + "AK-" + take(g, BASE32, 27),
    "Sentry": lambda g: "sn" + "trys_" + take(g, ALNUM + "+/", 60),
    "Dynatrace": lambda g: "dt" + "0c01." + take(g, BASE32, 24) + "." + take(g, BASE32, 64),
    "Doppler, Pulumi, PlanetScale, Postman, Linear, Notion": lambda g: (
        "dp" + ".pt." + take(g, ALNUM, 43)
    ),
    "Artifactory": lambda g: "AK" + "Cp" + take(g, ALNUM, 69),
    "Ceph": lambda g: "A" + "Q" + take(g, ALNUM + "+/", 36) + "==",
    "password hash of LDAP, PostgreSQL": lambda g: (
        "SCRAM-SHA"
        + "-256$4096:"
        + take(g, ALNUM, 22)
        + "==$"
        + take(g, ALNUM, 43)
        + "=:"
        + take(g, ALNUM + "+/", 43)
        + "="
    ),
    "age": lambda g: "AGE-SECRET" + "-KEY-1" + take(g, BASE32, 58),
    "JSON web token": make_json_web_token,
    "crypt(5) password hash": lambda g: f"$6${take(g, ALNUM, 8)}${take(g, ALNUM + './', 86)}",
    "private key in base64": lambda g: b64encode(make_key_block(g).encode()).decode(),
    "private key": make_key_block,
    "service account": make_account_key,
}
# Shapes that are known by what stands before the secret.
INTRODUCED = ("signed URL", "HTTP authorization", "Discord", "Microsoft Teams")
# Found by the name they go by, and in the places that are made for them.
NAMED: dict[str, Make] = {
    "password": lambda g: take(g, PASSWORD, 14),
    "aws-secret": lambda g: take(g, ALNUM + "/+", 40),
    "ngc": lambda g: b64encode(g.randbytes(62)).decode(),
    "uuid": lambda g: "-".join(take(g, HEX, n) for n in (8, 4, 4, 4, 12)),
    "pin": lambda g: take(g, string.digits, 6),
}
PHRASES: dict[str, Make] = {
    "phrase": lambda g: " ".join(take(g, string.ascii_lowercase, 7) for _ in range(4)),
}


def make_corpus(seed: int, kinds: dict[str, Make], size: int) -> list[str]:
    """Return that many different secrets, of each kind as many as of the others."""
    generator = random.Random(seed)
    makes = list(kinds.values())
    found: dict[str, None] = {}
    while len(found) < size:
        found[makes[len(found) % len(makes)](generator)] = None
    return list(found)


def pieces_of(secret: str) -> list[str]:
    """Return what of a secret must not be seen: each word of it that is long enough to tell."""
    lines = secret.replace("\\n", "\n").split("\n")
    if len(lines) == 1:
        return [secret]
    return [line for line in lines if len(line) > 12 and "-----" not in line]
