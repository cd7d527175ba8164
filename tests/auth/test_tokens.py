"""Access tokens: ours are read back; whatever else is sent is refused, by one error only.

Forged tokens are made by hand, so that no library keeps us from making them.
"""

import hashlib
import hmac
import json
import sys
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from hypothesis import given, strategies as st

from fastapi_crud import ConfigurationError
from fastapi_crud.auth.exceptions import InvalidToken
from fastapi_crud.auth.settings import AuthSettings
from fastapi_crud.auth.tokens import JoseCodec, TokenCodec, codec_of
from tests.strategies import json_values

SECRET = "uE3-kWq0ZbT9vXr5LmN8cJ2yHs7AfPd1GoRi4QeVx6U"
OTHER_SECRET = "Bz7_tKp2NqV5mXc8RwJ1sLd4GhY9fZa3ToWe6UiQr0E"
MINUTES = timedelta(minutes=30)
LIFETIME = 1800
ABSENT: Any = object()

PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
PKCS8 = serialization.PrivateFormat.PKCS8

Dict = dict[str, Any]


# How tokens are made by hand


def b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def jsoned(value: Any) -> str:
    return b64(json.dumps(value).encode())


def hmac_sign(signed: str, secret: str | bytes = SECRET, digest: str = "sha256") -> str:
    key = secret.encode() if isinstance(secret, str) else secret
    return b64(hmac.digest(key, signed.encode(), digest))


def rsa_sign(signed: str, key: rsa.RSAPrivateKey) -> str:
    return b64(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))


def ec_sign(signed: str, key: ec.EllipticCurvePrivateKey) -> str:
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return b64(r.to_bytes(32) + s.to_bytes(32))


def header_of(**changes: Any) -> Dict:
    return changed({"alg": "HS256", "typ": "at+jwt", "kid": "a"}, changes)


def claims_of(**changes: Any) -> Dict:
    now = int(time.time())
    made: Dict = {"iss": "us", "aud": "them", "iat": now, "exp": now + LIFETIME}
    return changed({**made, "sub": "1", "sid": "s", "jti": "j"}, changes)


def changed(base: Dict, changes: Mapping[str, Any]) -> Dict:
    return {name: value for name, value in {**base, **changes}.items() if value is not ABSENT}


def forged(
    header: Any = ABSENT, claims: Any = ABSENT, sign: Callable[[str], str] = hmac_sign
) -> str:
    """A token of any header and claims, well signed: by default one that is valid."""
    head = jsoned(header_of() if header is ABSENT else header)
    signed = f"{head}.{jsoned(claims_of() if claims is ABSENT else claims)}"
    return f"{signed}.{sign(signed)}"


def raw_token(header: bytes, claims: bytes) -> str:
    """A token of any bytes, well signed."""
    signed = f"{b64(header)}.{b64(claims)}"
    return f"{signed}.{hmac_sign(signed)}"


def pem_of(key: Any) -> str:
    pem: bytes = key.private_bytes(PEM, PKCS8, serialization.NoEncryption())
    return pem.decode()


def public_bytes(key: Any, encoding: serialization.Encoding) -> bytes:
    raw: bytes = key.public_key().public_bytes(
        encoding, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return raw


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@cache
def ec_key(curve: type[ec.EllipticCurve] = ec.SECP256R1) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(curve())


KEYS: Mapping[str, Callable[[], str]] = {
    "HS256": lambda: SECRET,
    "RS256": lambda: pem_of(rsa_key()),
    "ES256": lambda: pem_of(ec_key()),
}
SIGN: Mapping[str, Callable[[str], str]] = {
    "HS256": hmac_sign,
    "RS256": lambda signed: rsa_sign(signed, rsa_key()),
    "ES256": lambda signed: ec_sign(signed, ec_key()),
}
ALGORITHMS = pytest.mark.parametrize("algorithm", [*KEYS])


@cache
def codec_for(algorithm: str = "HS256") -> JoseCodec:
    return make_codec({"a": KEYS[algorithm]()}, algorithm=algorithm)


def make_codec(keys: Mapping[str, str], **changes: Any) -> JoseCodec:
    kwargs: Dict = {"issuer": "us", "audience": "them", "lifetime": MINUTES, **changes}
    return JoseCodec(keys, **kwargs)


def assert_refused(token: Any, codec: TokenCodec | None = None) -> None:
    """Nothing but `InvalidToken`, which tells nothing."""
    with pytest.raises(InvalidToken) as refusal:
        (codec or codec_for()).decode(token)
    assert str(refusal.value) == ""
    assert refusal.value.__context__ is None or refusal.value.__suppress_context__


def cases(table: Mapping[str, Any]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", table.values(), ids=[*table])


# What is ours


@ALGORITHMS
def test_what_is_encoded_can_be_decoded(algorithm: str) -> None:
    """Are claims read back as they were given, with those that were added?"""
    codec: TokenCodec = codec_for(algorithm)
    before = int(time.time())
    claims = codec.decode(codec.encode({"sub": "1", "sid": "s", "scope": "a b"}))
    assert before <= claims["iat"] <= time.time()
    assert claims == {
        "iss": "us",
        "aud": "them",
        "iat": claims["iat"],
        "exp": claims["iat"] + LIFETIME,
        "jti": claims["jti"],
        "sub": "1",
        "sid": "s",
        "scope": "a b",
    }


@ALGORITHMS
def test_the_header_says_what_it_is(algorithm: str) -> None:
    """Does the header hold the algorithm, the kind and the key, and nothing else?"""
    header = codec_for(algorithm).encode({"sub": "1", "sid": "s"}).split(".")[0]
    assert json.loads(unb64(header)) == {"alg": algorithm, "typ": "at+jwt", "kid": "a"}


@ALGORITHMS
def test_tokens_made_by_hand_are_accepted(algorithm: str) -> None:
    """Is a token by the book valid, so that the forged ones fail for what is forged?"""
    claims = claims_of()
    token = forged(header_of(alg=algorithm), claims, SIGN[algorithm])
    assert codec_for(algorithm).decode(token) == claims


def test_each_token_is_another() -> None:
    """Do two tokens of the same claims have different ids?"""
    codec, claims = codec_for(), {"sub": "1", "sid": "s"}
    first, second = codec.decode(codec.encode(claims)), codec.decode(codec.encode(claims))
    assert first["jti"] != second["jti"]
    assert claims == {"sub": "1", "sid": "s"}


def test_what_is_given_wins() -> None:
    """Can the claims that are added be given, and does `exp` follow `iat`?"""
    codec, issued = codec_for(), int(time.time()) - 60
    claims = codec.decode(codec.encode({"sub": "1", "sid": "s", "jti": "mine", "iat": issued}))
    assert (claims["jti"], claims["exp"]) == ("mine", issued + LIFETIME)
    assert_refused(codec.encode({"sub": "1", "sid": "s", "aud": "others"}))


def test_a_token_that_nobody_would_read_is_not_made() -> None:
    """Is it an error to encode more than `decode` takes?"""
    with pytest.raises(ValueError, match="4096 characters at most"):
        codec_for().encode({"sub": "1", "sid": "s", "scope": "x" * 4000})


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
extras = st.dictionaries(
    texts.filter(lambda name: name not in {"nbf", "at_hash", *claims_of()}),
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | texts | st.lists(texts, max_size=3),
    max_size=3,
)


@given(texts, texts, extras)
def test_any_claims_come_back(sub: str, sid: str, more: Dict) -> None:
    """Do texts of any language and claims of one's own survive?"""
    codec, claims = codec_for(), {"sub": sub, "sid": sid, **more}
    decoded = codec.decode(codec.encode(claims))
    assert {name: decoded[name] for name in claims} == claims


# What is forged


BAD_HEADERS: Mapping[str, Dict] = {
    **{f"alg {alg!r}": {"alg": alg} for alg in ("none", "None", "NONE", "nOnE", "", "hs256")},
    **{f"alg {alg}": {"alg": alg} for alg in ("HS384", "HS512", "RS256", "ES256", "dir", "A128KW")},
    "alg missing": {"alg": ABSENT},
    "alg null": {"alg": None},
    "alg true": {"alg": True},
    "alg list": {"alg": ["HS256"]},
    "alg dict": {"alg": {"HS256": 1}},
    "typ missing": {"typ": ABSENT},
    **{
        f"typ {typ!r}": {"typ": typ}
        for typ in ("JWT", "refresh+jwt", "AT+JWT", "application/at+jwt", "", None, ["at+jwt"])
    },
    "kid missing": {"kid": ABSENT},
    **{f"kid {kid!r}": {"kid": kid} for kid in ("b", "", "A", "a\x00", "../../dev/null")},
    **{f"kid {kid!r}": {"kid": kid} for kid in (None, 0, 1.5, True, ["a"], {"a": 1})},
    "crit unknown": {"crit": ["exp2"], "exp2": 1},
    "crit b64": {"crit": ["b64"], "b64": False},
    "crit empty": {"crit": []},
    "crit null": {"crit": None},
}


@cases(BAD_HEADERS)
def test_a_header_that_is_not_ours_is_refused(case: Dict) -> None:
    """Is a header refused that we would not write, although the signature is right?"""
    assert_refused(forged(header_of(**case)))


FROZEN = int(time.time()) + 10**6  # later than jose's own clock, so that ours decides


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that stands still."""
    monkeypatch.setattr("fastapi_crud.auth.tokens.time.time", lambda: float(FROZEN))


INF, NAN = float("inf"), float("nan")
SOON = FROZEN + 900
BAD_CLAIMS: Mapping[str, Dict] = {
    **{
        f"{name} missing": {name: ABSENT}
        for name in ("iss", "aud", "exp", "iat", "sub", "jti", "sid")
    },
    **{
        f"{name} {value!r}": {name: value}
        for name in ("sub", "jti", "sid")
        for value in ("", None, 1, True, ["1"], {"a": "1"})
    },
    **{
        f"{name} {value!r}": {name: value}
        for name in ("exp", "iat")
        for value in (None, [1], {"a": 1}, INF, -INF, NAN, "", "soon", True, False, 1e308, -1, 0)
    },
    **{
        f"{name} {kind}": {name: value}
        for name in ("exp", "iat")
        for kind, value in {
            "as text": str(SOON),
            "as list": [SOON],
            "as float": float(SOON),
            "with a fraction": SOON + 0.5,
            "without end": 10**400,
        }.items()
    },
    **{
        f"{name} {value!r}": {name: value}
        for name, right in (("iss", "us"), ("aud", "them"))
        for value in ("", "other", right.upper(), f"{right} ", None, 1, {right: 1})
    },
    "iss list": {"iss": ["us"]},
    "aud list": {"aud": ["them"]},
    "aud list of more": {"aud": ["them", "others"]},
    "aud list of numbers": {"aud": [1]},
    "expired": {"iat": SOON - 3600, "exp": SOON - 1800},
    "iat in the future": {"iat": SOON, "exp": SOON + 60},
    "nbf in the future": {"nbf": SOON},
    "nbf null": {"nbf": None},
    "nbf infinite": {"nbf": INF},
    "at_hash": {"at_hash": "x"},
}


@cases(BAD_CLAIMS)
@pytest.mark.usefixtures("frozen")
def test_claims_that_are_not_ours_are_refused(case: Dict) -> None:
    """Are claims refused that we would not sign, although the signature is right?"""
    assert_refused(forged(claims=claims_of(**case)))


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize(
    ("issued", "end", "valid"),
    [
        pytest.param(0, LIFETIME, True, id="just made"),
        pytest.param(1 - LIFETIME, 1, True, id="last second"),
        pytest.param(-LIFETIME, 0, False, id="exp == now"),
        pytest.param(0, 0, False, id="no lifetime"),
        pytest.param(-LIFETIME - 1, -1, False, id="expired"),
        pytest.param(0, LIFETIME + 1, False, id="lives too long"),
        pytest.param(-LIFETIME, 1, False, id="lived too long"),
        pytest.param(5, LIFETIME, True, id="clock ahead"),
        pytest.param(6, LIFETIME, False, id="clock too far ahead"),
    ],
)
def test_a_token_lives_no_longer_than_it_may(issued: int, end: int, *, valid: bool) -> None:
    """Does a token end on the second, at the latest one lifetime after it was issued?"""
    token = forged(claims=claims_of(iat=FROZEN + issued, exp=FROZEN + end))
    if valid:
        assert codec_for().decode(token)["exp"] == FROZEN + end
    else:
        assert_refused(token)


def test_a_shorter_lifetime_ends_tokens_that_are_out() -> None:
    """Are tokens of a former, longer lifetime refused?"""
    token = codec_for().encode({"sub": "1", "sid": "s"})
    assert_refused(token, make_codec({"a": SECRET}, lifetime=MINUTES / 2))


ATTACKER_JWK = {"kty": "oct", "k": b64(OTHER_SECRET.encode()), "alg": "HS256", "kid": "a"}
INJECTED: Mapping[str, Dict] = {
    "jwk": {"jwk": ATTACKER_JWK},
    "jwk and its kid": {"jwk": {**ATTACKER_JWK, "kid": "evil"}, "kid": "evil"},
    "jku": {"jku": "https://evil.example/jwks.json"},
    "x5u": {"x5u": "https://evil.example/cert.pem"},
    "x5c": {"x5c": ["MIIB"]},
}


@cases(INJECTED)
def test_a_key_that_comes_with_the_token_is_not_used(case: Dict) -> None:
    """Is a token refused whose header brings the key that it is signed with?"""
    assert_refused(forged(header_of(**case), sign=lambda it: hmac_sign(it, OTHER_SECRET)))


WRONG_SIGNATURES: Mapping[str, Callable[[str], str]] = {
    "other key": lambda it: hmac_sign(it, OTHER_SECRET),
    "empty key": lambda it: hmac_sign(it, ""),
    "key id as key": lambda it: hmac_sign(it, "a"),
    "half": lambda it: hmac_sign(it)[:22],
    "zeros": lambda _: b64(bytes(32)),
    "one zero": lambda _: b64(bytes(1)),
    "none": lambda _: "",
    "text": lambda _: "none",
    "sha512": lambda it: hmac_sign(it, digest="sha512"),
    "of the header": lambda it: hmac_sign(it.split(".")[0]),
    "plain hash": lambda it: b64(hashlib.sha256(it.encode()).digest()),
}


@cases(WRONG_SIGNATURES)
@pytest.mark.parametrize("alg", ["HS256", "none", "HS512"])
def test_a_wrong_signature_is_refused(case: Callable[[str], str], alg: str) -> None:
    """Is a token refused that somebody else signed, or nobody, whatever its `alg`?"""
    assert_refused(forged(header_of(alg=alg), sign=case))


def nested(depth: int, opening: str = "[") -> bytes:
    return (opening * depth).encode()


RAW_TOKENS: Mapping[str, tuple[bytes, bytes]] = {
    name: (header, claims)
    for name, header, claims in [
        *((f"header of {n} [", nested(n), b"{}") for n in (100, 990, 1200, 3000)),
        ("header of nested objects", nested(500, '{"a":'), b"{}"),
        ("nested within the header", b'{"alg":"HS256","kid":' + nested(990) + b"}", b"{}"),
        ("header list", b"[]", b"{}"),
        ("header text", b'"HS256"', b"{}"),
        ("header number", b"1", b"{}"),
        ("header null", b"null", b"{}"),
        ("header no JSON", b"HS256", b"{}"),
        ("header no UTF-8", b'{"alg":"\xff"}', b"{}"),
        ("header NaN", b"NaN", b"{}"),
        ("header long number", b"1" * 2000, b"{}"),
        ("claims list", json.dumps(header_of()).encode(), b"[]"),
        ("claims null", json.dumps(header_of()).encode(), b"null"),
        ("claims empty", json.dumps(header_of()).encode(), b"{}"),
        ("claims no JSON", json.dumps(header_of()).encode(), b"sub=1"),
        ("claims no UTF-8", json.dumps(header_of()).encode(), b'{"sub":"\xff"}'),
        ("claims nested", json.dumps(header_of()).encode(), nested(2900)),
        (
            "claims UTF-16",
            json.dumps(header_of()).encode(),
            json.dumps(claims_of()).encode("utf-16"),
        ),
    ]
}


@cases(RAW_TOKENS)
def test_bytes_that_are_no_json_objects_are_refused(case: tuple[bytes, bytes]) -> None:
    """Is a token refused that holds something else, although the signature is right?"""
    assert_refused(raw_token(*case))


class Text(str):
    """A text that could behave differently from a text."""

    __slots__ = ()


def twin_of(token: str) -> str:
    """The same token, but for bits of its last character that stand for nothing."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]
    assert unb64(twin.split(".")[2]) == unb64(token.split(".")[2])
    return twin


def split_claims(signed: str) -> str:
    """The same claims in two parts, which jose reads as one."""
    place = signed.index(".") + 9
    signed = f"{signed[:place]}.{signed[place:]}"
    return f"{signed}.{hmac_sign(signed)}"


NOT_TOKENS: Mapping[str, Callable[[str], Any]] = {
    "nothing": lambda _: "",
    "dots": lambda _: "..",
    "one part": lambda it: it.split(".")[0],
    "two parts": lambda it: it.rpartition(".")[0],
    "stripped signature": lambda it: it.rpartition(".")[0] + ".",
    "no header": lambda it: it[it.index(".") :],
    "no claims": lambda it: ".".join([it.split(".")[0], "", it.split(".")[2]]),
    "four parts": lambda it: it + ".AAAA",
    "four parts, well signed": lambda it: split_claims(it.rpartition(".")[0]),
    "five parts (JWE)": lambda _: ".".join([jsoned({"alg": "dir", "enc": "A256GCM"}), *"abcd"]),
    "padded": lambda it: it + "=",
    "padded twice": lambda it: it + "==",
    "bad base64": lambda it: it + "!!!",
    "standard base64": lambda it: it[:-1] + "+",
    "bits that do not count": twin_of,
    "impossible length": lambda it: it + "AA",
    "one more character": lambda it: "A" + it,
    "space before": lambda it: " " + it,
    "space after": lambda it: it + " ",
    "newline after": lambda it: it + "\n",
    "with scheme": lambda it: "Bearer " + it,
    "quoted": lambda it: f'"{it}"',
    "lone surrogate": lambda it: it[:-1] + "\ud800",
    "only a lone surrogate": lambda _: "\udfff",
    "NUL": lambda it: it + "\x00",
    "other digits": lambda it: it[:-1] + "٣",
    "5000 characters": lambda it: it + "A" * 5000,
    "5000 characters in form": lambda it: forged(claims=claims_of(scope="x" * 3500)),
    "dots only": lambda _: "." * 4096,
    "bytes": lambda it: it.encode(),
    "None": lambda _: None,
    "number": lambda _: 1,
    "list": lambda it: [it],
    "parts": lambda it: it.split("."),
    "of another class": Text,
}


@cases(NOT_TOKENS)
def test_what_has_not_the_form_of_a_token_is_refused(case: Callable[[str], Any]) -> None:
    """Is anything refused that is written differently, or is no text?"""
    assert_refused(case(forged()))


@given(st.text(st.characters(categories=None)) | st.from_regex(r"\A[\w-]+\.[\w-]+\.[\w-]+\Z"))
def test_any_text_is_refused(text: str) -> None:
    """Is there no text that raises another error?"""
    assert_refused(text)


@given(json_values)
def test_any_value_is_refused(value: Any) -> None:
    """Is there no JSON value that raises another error?"""
    assert_refused(value)


slices = st.tuples(st.integers(0, 400), st.integers(0, 20))
letters = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.", max_size=20)


@pytest.mark.parametrize("algorithm", ["HS256", "ES256"])
@given(place=slices, new=letters | st.text(max_size=3))
def test_any_change_of_a_token_is_refused(algorithm: str, place: tuple[int, int], new: str) -> None:
    """Is each part signed, character by character?"""
    token = codec_for(algorithm).encode({"sub": "1", "sid": "s"})
    start = min(place[0], len(token))
    other = token[:start] + new + token[start + place[1] :]
    if other == token:
        assert codec_for(algorithm).decode(other)
    else:
        assert_refused(other, codec_for(algorithm))


names = st.sampled_from(["alg", "typ", "kid", "crit", "jwk", "zip", "cty"])
claim_names = st.sampled_from([*claims_of(), "nbf", "at_hash", "scope"])


@given(st.dictionaries(names, json_values, max_size=2), json_values)
def test_any_header_is_refused_or_ours(more: Dict, whole: Any) -> None:
    """Does no header raise another error, or get by as another kind of token?"""
    for header in (header_of(**more), whole):
        try:
            codec_for().decode(forged(header))
        except InvalidToken:
            continue
        assert {"alg": "HS256", "typ": "at+jwt", "kid": "a"}.items() <= header.items()


@given(st.dictionaries(claim_names, json_values, max_size=2))
def test_any_claims_are_refused_or_ours(more: Dict) -> None:
    """Do no signed claims raise another error, or get by without what we rely on?"""
    try:
        claims = codec_for().decode(forged(claims=claims_of(**more)))
    except InvalidToken:
        return
    assert type(claims["exp"]) is type(claims["iat"]) is int
    assert (claims["iss"], claims["aud"]) == ("us", "them")
    assert all(type(claims[name]) is str and claims[name] for name in ("sub", "jti", "sid"))


# Keys


@pytest.mark.parametrize("theirs", [*KEYS])
@pytest.mark.parametrize("ours", [*KEYS])
def test_each_codec_knows_one_algorithm(ours: str, theirs: str) -> None:
    """Is a token of another algorithm refused, although its key has the same id?"""
    token = codec_for(theirs).encode({"sub": "1", "sid": "s"})
    if ours == theirs:
        assert codec_for(ours).decode(token)
    else:
        assert_refused(token, codec_for(ours))


@pytest.mark.parametrize("encoding", [PEM, DER], ids=["PEM", "DER"])
@pytest.mark.parametrize("alg", ["HS256", "own"])
@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_the_public_key_is_no_secret(algorithm: str, alg: str, encoding: Any) -> None:
    """Is a token refused that was signed with the public key as HMAC secret?"""
    key = rsa_key() if algorithm == "RS256" else ec_key()
    secret = public_bytes(key, encoding)
    header = header_of(alg=algorithm if alg == "own" else alg)
    assert_refused(forged(header, sign=lambda it: hmac_sign(it, secret)), codec_for(algorithm))
    stripped = forged(header, sign=lambda it: hmac_sign(it, secret.strip()))
    assert_refused(stripped, codec_for(algorithm))


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_another_private_key_is_refused(algorithm: str) -> None:
    """Is a token refused that was signed by somebody else's key of the same kind?"""
    keys = {"RS256": lambda: rsa.generate_private_key(65537, 2048), "ES256": new_ec_key}
    other = make_codec({"a": pem_of(keys[algorithm]())}, algorithm=algorithm)
    assert_refused(other.encode({"sub": "1", "sid": "s"}), codec_for(algorithm))


def new_ec_key() -> Any:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize(
    "signature",
    [bytes(64), bytes(63), bytes(65), b"\xff" * 64, bytes(31) + b"\1" + bytes(31) + b"\1"],
    ids=["zeros", "short", "long", "too large", "ones"],
)
def test_signatures_of_no_worth_are_refused(signature: bytes) -> None:
    """Are the ECDSA signatures refused that careless libraries accept for any text?"""
    token = forged(header_of(alg="ES256"), sign=lambda _: b64(signature))
    assert_refused(token, codec_for("ES256"))


@ALGORITHMS
def test_old_keys_verify_until_they_are_removed(algorithm: str) -> None:
    """Does the first key sign, and each verify its own tokens only?"""
    old = KEYS[algorithm]()
    new = {"HS256": lambda: OTHER_SECRET, "ES256": lambda: pem_of(new_ec_key())}
    new["RS256"] = lambda: pem_of(rsa_key(2049))
    keys = {"b": new[algorithm](), "a": old}
    before = codec_for(algorithm).encode({"sub": "1", "sid": "s"})
    rotated = make_codec(keys, algorithm=algorithm)
    after = rotated.encode({"sub": "1", "sid": "s"})
    assert json.loads(unb64(after.split(".")[0]))["kid"] == "b"
    assert rotated.decode(before)
    assert rotated.decode(after)
    assert_refused(after, codec_for(algorithm))
    assert_refused(before, make_codec({"b": keys["b"]}, algorithm=algorithm))
    swapped = make_codec({"a": keys["b"], "b": old}, algorithm=algorithm)
    assert_refused(before, swapped)


def test_a_secret_that_looks_like_json_is_a_secret() -> None:
    """Is a key taken as it is, where jose would look into it for other keys?"""
    text = json.dumps({"keys": [ATTACKER_JWK]})
    codec = make_codec({"a": text})
    assert codec.decode(forged(sign=lambda it: hmac_sign(it, text)))
    assert_refused(forged(sign=lambda it: hmac_sign(it, OTHER_SECRET)), codec)


def test_others_can_verify_rsa_tokens() -> None:
    """Is the published RSA key the one that tokens are signed with?"""
    codec = codec_for("RS256")
    (jwk,) = codec.public_keys()
    assert {**jwk, "n": "", "e": ""} == {
        "kty": "RSA",
        "use": "sig",
        "alg": "RS256",
        "kid": "a",
        "n": "",
        "e": "",
    }
    e, n = (int.from_bytes(unb64(jwk[name])) for name in "en")
    signed, signature = codec.encode({"sub": "1", "sid": "s"}).rsplit(".", 1)
    key = rsa.RSAPublicNumbers(e, n).public_key()
    key.verify(unb64(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())


def test_others_can_verify_ecdsa_tokens() -> None:
    """Is the published EC key the one that tokens are signed with?"""
    codec = codec_for("ES256")
    (jwk,) = codec.public_keys()
    assert {**jwk, "x": "", "y": ""} == {
        "kty": "EC",
        "crv": "P-256",
        "use": "sig",
        "alg": "ES256",
        "kid": "a",
        "x": "",
        "y": "",
    }
    x, y = (int.from_bytes(unb64(jwk[name])) for name in "xy")
    signed, signature = codec.encode({"sub": "1", "sid": "s"}).rsplit(".", 1)
    r, s = (int.from_bytes(unb64(signature)[part]) for part in (slice(32), slice(32, None)))
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    key.verify(encode_dss_signature(r, s), signed.encode(), ec.ECDSA(hashes.SHA256()))


def test_all_keys_are_published() -> None:
    """Can others verify tokens of keys that no longer sign, and can we change what we gave?"""
    codec = make_codec({"b": pem_of(new_ec_key()), "a": KEYS["ES256"]()}, algorithm="ES256")
    for key in codec.public_keys():
        key.clear()
    assert [key["kid"] for key in codec.public_keys()] == ["b", "a"]


def test_secrets_are_not_published() -> None:
    """Is nothing published of a key that signs as well as verifies?"""
    assert codec_for("HS256").public_keys() == []


# What no codec can be made of


def encrypted_pem() -> str:
    way = serialization.BestAvailableEncryption(b"password")
    return rsa_key().private_bytes(PEM, PKCS8, way).decode()


def public_pem(key: Any) -> str:
    return public_bytes(key, PEM).decode()


BAD_KEYS: Mapping[str, tuple[str, Callable[[], Any]]] = {
    "HS256 empty": ("HS256", lambda: ""),
    "HS256 of 31 bytes": ("HS256", lambda: "k" * 31),
    "HS256 PEM": ("HS256", lambda: public_pem(rsa_key())),
    "HS256 DER": ("HS256", lambda: public_bytes(rsa_key(), DER)),
    "HS256 bytes": ("HS256", lambda: b"k" * 64),
    "HS256 lone surrogate": ("HS256", lambda: "\ud800" * 32),
    "RS256 text": ("RS256", lambda: SECRET),
    "RS256 public": ("RS256", lambda: public_pem(rsa_key())),
    "RS256 EC": ("RS256", KEYS["ES256"]),
    "RS256 of 1024 bits": ("RS256", lambda: pem_of(rsa_key(1024))),
    "RS256 encrypted": ("RS256", encrypted_pem),
    "RS256 cut": ("RS256", lambda: KEYS["RS256"]()[:200]),
    "ES256 text": ("ES256", lambda: SECRET),
    "ES256 public": ("ES256", lambda: public_pem(ec_key())),
    "ES256 RSA": ("ES256", KEYS["RS256"]),
    "ES256 P-384": ("ES256", lambda: pem_of(ec_key(ec.SECP384R1))),
    "ES256 secp256k1": ("ES256", lambda: pem_of(ec_key(ec.SECP256K1))),
}


@cases(BAD_KEYS)
def test_a_key_that_does_not_fit_stops_the_start(case: tuple[str, Callable[[], Any]]) -> None:
    """Is each key tried when the codec is made, and named, but not shown?"""
    algorithm, key = case
    keys = {"good": KEYS[algorithm](), "bad": key()}
    with pytest.raises(ConfigurationError, match=f"'bad' does not fit: {algorithm}") as error:
        make_codec(keys, algorithm=algorithm)
    assert not keys["bad"] or str(keys["bad"]) not in str(error.value)
    assert error.value.__context__ is None


@pytest.mark.parametrize(
    ("keys", "changes", "message"),
    [
        pytest.param({}, {}, "need a key", id="no key"),
        pytest.param({"a": SECRET}, {"lifetime": timedelta()}, "lifetime", id="no lifetime"),
        pytest.param({"a": SECRET}, {"lifetime": -MINUTES}, "lifetime", id="negative lifetime"),
        pytest.param({"a": SECRET}, {"algorithm": "none"}, "HS256, RS256, ES256", id="none"),
        pytest.param({"a": SECRET}, {"algorithm": "HS512"}, "must be one of", id="HS512"),
        pytest.param({"a": SECRET}, {"algorithm": "EdDSA"}, "must be one of", id="EdDSA"),
    ],
)
def test_misuse_stops_the_start(keys: Any, changes: Dict, message: str) -> None:
    """Is it an error to ask for tokens that cannot be made?"""
    with pytest.raises(ConfigurationError, match=message):
        make_codec(keys, **changes)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Does the error say what to install, when a codec is made and not before?"""
    monkeypatch.setitem(sys.modules, "jose", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'fastapi-crud-factory\[auth\]'"):
        make_codec({"a": SECRET})


# Settings


@pytest.fixture
def bare_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty folder and an environment without keys."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SECRET_KEY", raising=False)
    monkeypatch.delenv("AUTH_KEYS", raising=False)


@pytest.mark.usefixtures("bare_place")
def test_the_settings_decide() -> None:
    """Are keys, algorithm, issuer, audience and lifetime those of the settings?"""
    settings = AuthSettings(
        keys={"k2": KEYS["ES256"](), "k1": pem_of(new_ec_key())},
        algorithm="ES256",
        issuer="https://us.example",
        audience="api",
        access_token_expire_minutes=5,
    )
    codec = codec_of(settings)
    claims = codec.decode(codec.encode({"sub": "1", "sid": "s"}))
    assert (claims["iss"], claims["aud"]) == ("https://us.example", "api")
    assert claims["exp"] - claims["iat"] == 300
    assert [key["kid"] for key in codec.public_keys()] == ["k2", "k1"]


@pytest.mark.usefixtures("bare_place")
def test_there_is_no_codec_without_a_key() -> None:
    """Is it an error to make tokens with settings that hold no key?"""
    with pytest.raises(ConfigurationError, match="set SECRET_KEY"):
        codec_of(AuthSettings())
