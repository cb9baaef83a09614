"""Find credentials in a text by their format: tokens of issuers, logins, keys. Pure.

Sources of the formats: the issuers' documentation, and the rules of gitleaks and trufflehog, read
as facts. Each pattern is searched once, from left to right, and takes linear time for any text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kubectl_snapshot.document.redaction.encoded import decode
from kubectl_snapshot.document.redaction.opacity import (
    compiled,
    fullmatch,
    is_plain,
    is_plain_word,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Span = tuple[int, int]

# Of a group that is captured, the group alone is the secret.
SHAPES: Mapping[str, str] = {
    "AWS": r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Z0-9])",
    "Google Cloud": (
        r"AIza[\w-]{35}|ya29\.[\w.-]{20,}|GOCSPX-[\w-]{20,}|GOOG[A-Z0-9]{20,57}(?![A-Z0-9])"
    ),
    "Azure": (
        r"[\w~.-]{3}[0-9]Q~[\w~.-]{31,34}|(?<!sha512-)[A-Za-z0-9+/]{86}==(?![\w+/=])"
        r"|[\w]{76}AZDO[\w]{4}"
    ),
    "GitHub": r"gh[opsur]_[A-Za-z0-9]{36,}|github_pat_\w{22,}",
    "GitLab": r"gl(?:agent|cbt|dt|ffct|ft|imt|oas|pat|ptt|rt|soat)-[\w.-]{20,}|GR1348941[\w-]{20,}",
    "Slack": r"xox[a-z]-[\w-]{10,}|xapp-[\w-]{10,}|hooks\.slack\.com/\w+/([\w/]{20,})",
    "Discord": r"discord(?:app)?\.com/api/webhooks/[0-9]+/([\w-]{30,})",
    "Microsoft Teams": (
        r"webhook\.office(?:365)?\.com/webhookb2/([\w@/-]{30,})"
        r"|outlook\.office(?:365)?\.com/webhook/([\w@/-]{30,})"
    ),
    "Telegram": r"(?:bot)?([0-9]{8,10}:AA[\w-]{30,})",
    "NVIDIA": r"nvapi-[\w-]{20,}",
    "Hugging Face": r"(?:hf|api_org)_[A-Za-z0-9]{30,}",
    "OpenAI, Anthropic": r"sk-(?:admin|ant|lf|or|proj|svcacct)-[\w-]{20,}|sk-[A-Za-z0-9]{32,}",
    "Perplexity, xAI, LangSmith, Pinecone, Bedrock": (
        r"pplx-[A-Za-z0-9]{40,}|xai-[A-Za-z0-9]{60,}|lsv2_[a-z]+_[0-9a-f]{32}_[0-9a-f]{10}"
        r"|pcsk_\w{40,}|ABSK[A-Za-z0-9+/]{80,}=*"
    ),
    "NATS": r"S[ACNOUX][A-Z2-7]{56}(?![A-Z0-9])",
    "Rancher": r"(?:token|kubeconfig)-[\w.-]{5,64}:[a-z0-9]{54}(?!\w)",
    "OpenShift": r"sha256~[\w-]{43}(?![\w-])",
    "SonarQube, Supabase, Sourcegraph, RubyGems": (
        r"(?:sq[apu]|sbp|sgp(?:_[0-9a-f]{16}|_local)?|rubygems)_[0-9a-f]{40,}"
    ),
    "1Password": (
        r"ops_eyJ[\w+/=-]{60,}|A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}"
    ),
    "Airtable, CircleCI, Figma, Alibaba, Heroku, Fly, Brevo": (
        r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}|CCI[A-Z]{2,4}_\w{20,}|figd_[\w-]{36,}"
        r"|LTAI[A-Za-z0-9]{12,20}(?!\w)|HRKU-[\w-]{36,}|fo1_[\w-]{43}|fm[12][ar]?_[\w+/=-]{80,}"
        r"|xkeysib-[0-9a-f]{64}-\w{16}"
    ),
    "Stripe": r"(?:[rs]k_(?:live|test)|whsec)_[A-Za-z0-9]{16,}",
    "npm": r"npm_[A-Za-z0-9]{36}",
    "PyPI": r"pypi-[\w-]{50,}",
    "Docker": r"dckr_[a-z]+_[\w-]{20,}|SWMTKN-[\w-]{20,}",
    "HashiCorp": (
        r"hv[bsr]\.[\w-]{20,}|[A-Za-z0-9-]{6,20}\.atlasv1\.[\w-]{30,}"
        r"|(?<![\w.-])(?=s\.\w*[0-9])(?=s\.\w*[A-Z])s\.[A-Za-z0-9]{24}(?![\w.-])"
    ),
    "Databricks": r"dapi[0-9a-f]{32}(?:-[0-9])?",
    "DigitalOcean": r"do[opr]_v1_[0-9a-f]{32,}",
    "Grafana": r"gl(?:sa|c)_[\w=]{20,}",
    "Tailscale": r"tskey-[a-z]+-[\w-]{10,}",
    "Atlassian": r"AT[AC]TT3[\w=-]{50,}|ATBB[A-Za-z0-9]{28,}",
    "SendGrid, Mailgun, Mailchimp": (
        r"SG\.[\w-]{16,}\.[\w-]{16,}|key-[0-9a-f]{32}|[0-9a-f]{32}-us[0-9]{1,2}(?!\w)"
    ),
    "Shopify, Square, Twilio": (
        r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|sq0(?:atp|csp)-[\w-]{22,}|SK[0-9a-f]{32}"
    ),
    "New Relic": r"NR(?:AK|II|JS|RA)-[\w-]{19,}|[0-9a-f]{36}NRAL",
    "Sentry": r"sntry[su]_[\w+/=-]{40,}",
    "Dynatrace": r"dt0[a-z][0-9]{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}",
    "Doppler, Pulumi, PlanetScale, Postman, Linear, Notion": (
        r"dp\.[a-z]+\.[\w.-]{40,}|pul-[0-9a-f]{40}|pscale_[a-z]+_[\w.=-]{30,}|PMAK-[0-9a-f]{24}-[0-9a-f]{34}"
        r"|lin_(?:api|oauth)_\w{32,}|ntn_\w{40,}|secret_[A-Za-z0-9]{43}"
    ),
    "Artifactory": r"AKC[a-zA-Z0-9]{60,}|cmVmdGtu[A-Za-z0-9+/]{40,}=*",
    "Ceph": r"AQ[A-Za-z0-9+/]{36}==(?![\w+/=])",
    "kubeadm, bootstrap token": (
        r"(?<![\w.:-])(?=[a-z]*[0-9])[a-z0-9]{6}\.(?=[a-z]*[0-9])[a-z0-9]{16}(?![\w.:/-])"
    ),
    "k3s, RKE2": r"K10[0-9a-f]{40,}::[^\s\"',]+",
    "age": r"AGE-SECRET-KEY-1[A-Z0-9]{20,}",
    "JSON web token": r"eyJ(?<![\w-]eyJ)[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*){1,3}",
    "crypt(5) password hash": (
        r"(?:argon2:)?\$(?:2[aby]?|5|6|7|y|gy|1|apr1|argon2\w*|pbkdf2[\w-]*|scrypt|P|S)\$[\w./$=,+-]{20,}"
        r"|grub\.pbkdf2\.sha512\.[0-9]+\.[0-9A-F]{16,}\.[0-9A-F]{16,}"
    ),
    "password hash of LDAP, PostgreSQL": (
        r"\{(?:SSHA|SHA|SMD5|MD5|CRYPT|SSHA256|SSHA512)\}[\w+/=$.]{12,}"
        r"|\{(?:PLAIN|CLEARTEXT|CLEAR)\}([^\s:\"'{}]{1,256})"
        r"|SCRAM-SHA-(?:1|256|512)\$[0-9]+:[\w+/=]+\$[\w+/=]+:[\w+/=]+|(?<=[\"'])md5[0-9a-f]{32}(?!\w)"
    ),
    "signed URL": r"(?:[?&]|&amp;|\b)(?:sig|[sS]ignature|X-Amz-Signature)=([\w%+/=-]{16,})",
    "HTTP authorization": (
        r"(?:[bB]earer|BEARER)(?:[ \t]+|%20)([\w.~+/=-]{12,})"
        r"|(?:[bB]asic|BASIC)(?:[ \t]+|%20)([A-Za-z0-9+/]{6,}={0,2})(?![\w+/=])"
    ),
    "private key in base64": (
        r"LS0tLS1CRUdJTi(?!BDRVJU|BQVUJM|BYNTA5)[A-Za-z0-9+/]{20,}={0,2}"
        r"|MII[A-Za-z0-9+/]{2}[AQgw]IBA[A-Za-z0-9+/=]{20,}|MH[cQ]CAQEE[A-Za-z0-9+/=]{20,}"
        r"|MC4CAQAw[A-Za-z0-9+/=]{20,}|MIGHAgEAM[A-Za-z0-9+/=]{20,}"
        r"|MI[A-Za-z0-9+/]{4,9}BgkqhkiG9w0BBQ[A-Za-z0-9+/=]{20,}|b3BlbnNzaC1rZXkt[A-Za-z0-9+/=]{20,}"
    ),
    # Groq, Replicate, Prefect, Netlify, RunPod. The last one: others have other characters, too.
    "any issuer's prefix": (
        r"(?P<any>[a-z][a-z0-9]{1,9}(?:_[a-z]{2,6}){0,2}_(?=[a-z0-9]*[A-Z])(?=[A-Z0-9]*[a-z])"
        r"(?=[A-Za-z]*[0-9])[A-Za-z0-9]{30,128}(?![\w-]))"
    ),
}
_BEGIN = "-----BEGIN"
# Certificates and public keys are PEM, too, and no secrets. A block that is cut off ends the text.
KEY_BLOCK = (
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)"
)
# RFC 3986, 3.2.1: between the first `:` and the last `@` of the authority; second, as people write
# it who escape nothing, unless it reads as a port. The last one is dracut.cmdline(7)'s.
_LOGIN = (
    r"://[^\s/?#:@\[\]\"'<>]*:(?:([^\s/?#\"'<>]+)@"
    r"|(?![0-9]+(?:[/?#\s]|$))((?:(?!://)[^\s@\"'<>])+)@)"
    r"|\biscsi:[^\s/?#:@\"']{0,256}:([^\s/?#@\"']{1,256})@"
)
# A user alone may be a token: of Azure DevOps, Gitea, Sentry.
_USER = r"://([^\s/?#:@\[\]\"'<>]{8,512})@"
# `user:password@tcp(host)/db` of Go's drivers, `user:password@proxy:3128`, `user/password@//host`.
_BARE_LOGIN = (
    r"(?<![\w./:@-])[\w.%+\\-]{1,64}:([^\s:@/\"'<>,]{1,256})@(?:[a-z]+[0-9]?\(|(?!sha[0-9])[\w.-]{1,253}:[0-9]{2,5}(?![\w.:]))"
    r"|(?i:proxy)[\"']?[ \t]*[:=][ \t]*[\"']?[\w.%+\\-]{1,64}:(?!//)([^\s\"'<>]{1,256})@[\w.-]"
    r"|(?<![\w./:@-])[\w.%+-]{1,64}/([^\s:@/\"'<>,]{1,256})@//[\w.-]"
)
_JWK = r"\\*\"(?:d|p|q|dp|dq|qi|k)\\*\"[ \t]*:[ \t]*\\*\"([\w-]{16,})"

_SHAPE = rf"(?as)(?<![A-Za-z0-9])(?:{'|'.join(SHAPES.values())})"


def find_tokens(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield the tokens, hashes and keys that begin in this part of a text."""
    for found in compiled(_SHAPE).finditer(text, start, end):
        if _is_credible(found):
            yield found.span(found.lastindex or 0)
    if text.find("kty", start, end) >= 0:
        for found in compiled(_JWK).finditer(text, start, end):
            yield found.span(1)


def find_key_blocks(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield the PEM blocks of private keys that begin in this part of a text."""
    at = text.find(_BEGIN, start, end)
    while at >= 0:
        found = compiled(KEY_BLOCK, re.S).match(text, at)
        if found:
            yield found.span()
        at = text.find(_BEGIN, found.end() if found else at + 1, end)


def find_logins(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield the passwords of logins, and the users that are tokens."""
    for found in compiled(_LOGIN).finditer(text, start, end):
        yield found.span(found.lastindex or 0)
        user = text[found.start() : found.start(found.lastindex or 0)].strip(":/")
        if "iscsi" not in user and _is_token(user):
            at = text.index(user, found.start())
            yield at, at + len(user)
    for found in compiled(_USER).finditer(text, start, end):
        if _is_token(found[1]):
            yield found.span(1)
    for found in compiled(_BARE_LOGIN, re.A).finditer(text, start, end):
        if not fullmatch(r"[0-9.]+", found[found.lastindex or 0]):
            yield found.span(found.lastindex or 0)


def _has_word(text: str) -> bool:
    """Return whether a part of a host name has a word: `cluster0prod2024`."""
    words = compiled("[a-z]{4,}").findall(text)
    return is_plain_word(text) and any(not {*"aeiouy"}.isdisjoint(word) for word in words)


def _is_token(user: str) -> bool:
    """Return whether a URL's user is a token, of which there need not be a password."""
    return len(user) >= 16 and (not is_plain(user) or (len(user) >= 32 and user.isalnum()))


def _is_credible(found: re.Match[str]) -> bool:
    text = found[0]
    if text[:5].lower() == "basic":
        return ":" in decode(found[found.lastindex or 0])
    if fullmatch(r"[a-z0-9]{6}\.[a-z0-9]{16}", text):
        return not _has_word(text[7:])
    return not (found["any"] and is_plain_word(text.rpartition("_")[2]))
