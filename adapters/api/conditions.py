"""On which conditions a request is asked: which version it is of, under which key, on whose behalf."""

import re
from collections.abc import Awaitable, Callable, Collection
from typing import Final

from starlette.requests import Request

from adapters.api.errors import BadHeader
from states.errors import BadInput
from states.facts import BY_HTTP
from workflow import Actor, StaleVersion

IF_MATCH: Final = "If-Match"
IF_NONE_MATCH: Final = "If-None-Match"
KEY: Final = "Idempotency-Key"
ON_BEHALF_OF: Final = "EOI-On-Behalf-Of"

#: The longest key, in characters; and the most tags in one header.
LONGEST_KEY: Final = 200
MOST_TAGS: Final = 20
#: The version of nothing: what a tag stands for that is none of ours.
NO_VERSION: Final = 0

# An entity-tag (RFC 9110, 8.8.3), and a list of them, in which elements may be empty (5.6.1).
_TAG: Final = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_TAGS: Final = re.compile(rf"[ \t,]*{_TAG}(?:[ \t]*,[ \t,]*{_TAG})*[ \t,]*")
_ONE_TAG: Final = re.compile(_TAG)
_VERSION: Final = re.compile(r'(W/)?"([1-9][0-9]{0,17})"')
# A String of Structured Fields (RFC 9651, 3.3.3); or a key as it is, which many clients send.
_QUOTED: Final = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_PLAIN: Final = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+")


def versions_named(request: Request) -> tuple[int, ...] | None:
    """Return which versions `If-Match` names; none of them: `*`, whichever it is. None: it is not given.

    Tags are compared strongly (RFC 9110, 13.1.1): a weak one, or one that we never gave, fits nothing.

    Raises:
        BadHeader: it is no list of tags.
    """
    tags = _tags(request, IF_MATCH)
    if not tags:
        return None if tags is None else ()
    found = [_VERSION.fullmatch(tag) for tag in tags]
    return tuple(sorted({int(each[2]) if each and not each[1] else NO_VERSION for each in found}))


def fits_none(version: object, named: Collection[int]) -> StaleVersion:
    """Return what is told where a thing is at a version, and `If-Match` names others, or none of ours."""
    others = " or ".join(str(each) for each in named if each != NO_VERSION)
    fits_not = f"not {others}" if others else "which If-Match does not name"
    said = f"It is at version {version}, {fits_not}: read it again."
    if NO_VERSION in named:
        said += ' A tag fits only as it was given, such as "3"; a weak one, W/"3", fits nothing.'
    return StaleVersion(said, version=version)


def has_seen(request: Request, version: int) -> bool:
    """Return whether `If-None-Match` names this version, or any; compared weakly (RFC 9110, 13.1.2).

    Raises:
        BadHeader: it is no list of tags.
    """
    tags = _tags(request, IF_NONE_MATCH)
    return tags is not None and (not tags or f'"{version}"' in {tag.removeprefix("W/") for tag in tags})


def key_given(request: Request) -> str | None:
    """Return the idempotency key; None where none is given.

    Source: draft-ietf-httpapi-idempotency-key-header: a String of Structured Fields, in quotes; here also
    without them.

    Raises:
        BadHeader: it is none, empty, or over 200 characters.
    """
    value = request.headers.get(KEY)  # it is there once: see `require_once`
    if value is None:
        return None
    value = value.strip()
    quoted = _QUOTED.fullmatch(value)
    if quoted is None and _PLAIN.fullmatch(value) is None:
        raise _bad(KEY, 'is no text in quotes: send it as "8e03978e-40d5-43dd-bc93-6894a57f9324"')
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else value
    if not key.strip() or len(key) > LONGEST_KEY:
        raise _bad(KEY, f"has 1 to {LONGEST_KEY} characters")
    return key


def acting(request: Request, actor: Actor) -> Actor:
    """Return who asks, by HTTP, on behalf of whomever `EOI-On-Behalf-Of` names.

    Raises:
        BadHeader: it names nobody, or not in UTF-8; or somebody else than who is known to be behind the key.
    """
    person = request.headers.get(ON_BEHALF_OF)
    try:
        behalf = actor.on_behalf_of if person is None else person.strip().encode("latin-1").decode()
        acts = Actor(actor.id, actor.roles, actor.organisations, on_behalf_of=behalf, via=BY_HTTP)
    except UnicodeError:
        raise _bad(ON_BEHALF_OF, "is not UTF-8") from None
    except BadInput as exc:
        raise _bad(ON_BEHALF_OF, f"names nobody: {exc.message}") from None
    if actor.on_behalf_of not in (None, acts.on_behalf_of):
        raise _bad(ON_BEHALF_OF, "names somebody else than who asks")
    return acts


def require_conditions(*, key: bool, version: bool, is_read: bool) -> Callable[[Request], Awaitable[None]]:
    """Return what refuses a condition that a route does not heed: to ignore it would be to break it.

    Args:
        key: whether the route keeps answers under keys.
        version: whether what it is asked of has versions.
        is_read: whether it only reads: then a key changes nothing.
    """

    async def require(request: Request) -> None:
        if KEY in request.headers and not (key or is_read):
            raise _bad(KEY, "is not kept for this request: leave it out")
        if IF_MATCH in request.headers and not version:
            raise _bad(IF_MATCH, "asks for a version, and this has none: leave it out")
        if IF_NONE_MATCH in request.headers and not (version and is_read):
            raise _bad(IF_NONE_MATCH, "is for reading what has a version: leave it out")

    return require


def _tags(request: Request, name: str) -> list[str] | None:
    """Return the tags of a header; empty: `*`; None: there is no such header."""
    values = request.headers.getlist(name)
    if not values:
        return None
    listed = ", ".join(values).strip()
    if listed == "*":
        return []
    tags = _ONE_TAG.findall(listed) if _TAGS.fullmatch(listed) else []
    if not 0 < len(tags) <= MOST_TAGS:
        raise _bad(name, f'is neither * nor a list of up to {MOST_TAGS} tags, such as "3"')
    return tags


def _bad(name: str, what: str) -> BadHeader:
    return BadHeader(f"{name} {what}.", field=name)
