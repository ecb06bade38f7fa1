"""What the environment says; the only reader of it. Nobody below the composition root takes this object."""

import os
import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from ipaddress import ip_network
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import unquote

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from sqlalchemy.engine import make_url

from adapters.bounds import FAILURES, LARGEST_BODY, REQUESTS
from adapters.outbound.addresses import Allow
from adapters.outbound.webhook import TIMEOUT_S
from states.errors import BadInput
from workflow.connection import LOCK_TIMEOUT_S
from workflow.databases import POOL_SIZE
from workflow.delivering import KEEP_DAYS as KEEP_DELIVERIES_DAYS
from workflow.engine import SETTLE_S
from workflow.idempotency import KEEP_DAYS
from workflow.jobs import KEEP_DAYS as KEEP_JOBS_DAYS

PREFIX: Final = "EOI_"

# What means something else in a URL than in a path.
_SPELT: Final = str.maketrans({"%": "%25", "?": "%3F", "#": "%23"})


#: The beginning of a URL, which is no file's name though a slash be missing after it.
_SCHEME: Final = re.compile(r"(?i:sqlite|postgres(?:ql)?|mysql|mariadb)(?:\+\w+)?:")


def as_url(text: str) -> str:
    """Return the URL of a database that is given as a URL, or as the path of an SQLite file.

    Raises:
        ValueError: half a URL, which as a path would be told with the password in it.
    """
    if "://" not in text and _SCHEME.match(text):
        msg = "EOI_DATABASE_URL: two slashes follow a URL's scheme, as in postgresql://host/eoi or sqlite:///eoi.db."
        raise ValueError(msg)
    return text if "://" in text else f"sqlite:///{text.translate(_SPELT)}"


def place(url: str) -> str:
    """Return where a database is, for people: a file's path, or the URL without its password."""
    if url.startswith("sqlite:"):
        return unquote(url.removeprefix("sqlite:///"), errors="surrogateescape")
    return make_url(url).difference_update_query(_SECRETS).render_as_string(hide_password=True)


def words(text: object) -> object:
    """Return what stands between the commas of a text."""
    if isinstance(text, str):
        return tuple(filter(None, (word.strip() for word in text.split(","))))
    return text


def _allow(text: str) -> str:
    """Let pass what names receivers; the error names the variable itself."""
    try:
        Allow.parse(text)
    except BadInput as exc:
        raise ValueError(exc.message) from None
    return text


def _origins(said: tuple[str, ...]) -> tuple[str, ...]:
    """Let pass what a browser may say as an origin, letter by letter (RFC 6454, 6.1)."""
    for each in said:
        if not _ORIGIN.fullmatch(each):
            msg = (
                f"EOI_API_ORIGINS: {each[:60]!r} is no origin: give https://council.example, without a path."
            )
            raise ValueError(msg)
    return said


def _senders(said: tuple[str, ...]) -> tuple[str, ...]:
    """Let pass names in the form of a host's, in small letters; no star, which would name everybody."""
    for each in said:
        if not _NAME.fullmatch(each.lower()):
            msg = (
                f"EOI_EVENTS_ORIGINS: {each[:60]!r} is no sender's name: give eventgrid.azure.net, "
                "without https://."
            )
            raise ValueError(msg)
    return tuple(each.lower() for each in said)


def _networks(said: tuple[str, ...]) -> tuple[str, ...]:
    """Let pass addresses and networks; a name, which whoever answers for it may change, is none."""
    for each in said:
        try:
            ip_network(each)
        except ValueError:
            msg = f"EOI_API_TRUSTED_PROXIES: {each[:60]!r} is no address and no network."
            raise ValueError(msg) from None
    return said


def _upper(text: object) -> object:
    return text.strip().upper() if isinstance(text, str) else text


_ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?")

#: A host's name (RFC 1123, 2.1), by which a sender of events calls itself.
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")

#: What of a URL's query is not for people to see.
_SECRETS: Final = ("password", "sslpassword")

Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(words)]


class Settings(BaseSettings):
    """What can be set; each field `x` by `EOI_X`, or by keyword. An empty variable counts as none.

    Raises:
        BadInput: a value that cannot be used; the message names the variable.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, populate_by_name=True, extra="forbid", frozen=True
    )

    #: The database's URL, or the path of an SQLite file. A password may be in it: it is in no `repr`.
    database_url: Annotated[str, Field(min_length=1, repr=False), AfterValidator(as_url)] = "sqlite:///eoi.db"
    #: How long after its deadline a call is closed, in seconds.
    settle_s: float = Field(default=SETTLE_S, ge=0, le=3600, allow_inf_nan=False)
    #: How long a command waits for the database's write lock, in seconds.
    lock_timeout_s: float = Field(default=LOCK_TIMEOUT_S, ge=0, le=3600, allow_inf_nan=False)
    #: How long an idempotency key is kept at least, in days.
    keep_keys_days: float = Field(default=KEEP_DAYS, ge=0, le=36500, allow_inf_nan=False)
    #: How many connections to the database are opened at the most.
    pool_size: int = Field(default=POOL_SIZE, ge=1, le=1000)
    #: Hosts, host:port, addresses and networks that webhooks may reach although private, and by http.
    webhook_allow: Annotated[str, AfterValidator(_allow)] = ""
    #: How long each step of a webhook may take, in seconds.
    webhook_timeout_s: float = Field(default=TIMEOUT_S, gt=0, le=60, allow_inf_nan=False)
    #: Keys that secrets of endpoints are sealed under, with commas between them: the first seals, all unseal.
    secret_key: SecretStr = SecretStr("")
    #: How long what was delivered is kept, in days.
    keep_deliveries_days: float = Field(default=KEEP_DELIVERIES_DAYS, ge=0, le=36500, allow_inf_nan=False)
    #: How long a job that has ended is kept, in days, and its files with it.
    keep_jobs_days: float = Field(default=KEEP_JOBS_DAYS, ge=0, le=36500, allow_inf_nan=False)
    #: The server that takes letters: smtp://user:password@host (STARTTLS), smtps://… (TLS).
    smtp_url: SecretStr = SecretStr("")
    #: Whom letters come from: Norfolk County Council <bases@council.example>.
    smtp_sender: str = ""
    #: How long each step of a letter may take, in seconds; None: as long as is usual.
    smtp_timeout_s: float | None = Field(default=None, gt=0, le=60, allow_inf_nan=False)
    #: A folder with a council's own words for letters.
    letters: str = ""
    #: The key of a service of GOV.UK Notify.
    notify_key: SecretStr = SecretStr("")
    #: Which of its templates tells of what: call.*=ID, eoi.approved=ID.
    notify_templates: str = ""
    #: The id of a reply-to address of that service.
    notify_reply_to: str = ""
    #: Where Notify is; empty: where GOV.UK has it.
    notify_url: str = ""
    #: How many requests one actor has in a minute.
    api_rate: int = Field(default=REQUESTS, ge=1, le=1_000_000)
    #: How many times an address may fail in a minute to say who asks.
    api_failures: int = Field(default=FAILURES, ge=1, le=1_000_000)
    #: The largest body of a request, in bytes.
    api_largest_body: int = Field(default=LARGEST_BODY, ge=1024, le=64 * 1024 * 1024)
    #: Whether a change must name the version that it is of (`If-Match`).
    api_needs_version: bool = False
    #: Origins of which programs in a browser may ask: https://council.example.
    api_origins: Annotated[Words, AfterValidator(_origins)] = ()
    #: Addresses and networks of proxies whose word counts for where a request comes from.
    api_trusted_proxies: Annotated[Words, AfterValidator(_networks)] = ()
    #: Whether the pages of the documentation are served.
    api_docs: bool = True
    #: Whether anybody may read the metrics, without a key.
    api_metrics_open: bool = False
    #: A TOML file that says which event from elsewhere fires what.
    events: str = ""
    #: What becomes of an event that it says nothing of: it is recorded, or refused.
    events_unknown: Literal["record", "refuse"] = "record"
    #: Secrets, `whsec_…`, with blanks between them: events must be signed with one of these.
    events_secret: SecretStr = SecretStr("")
    #: Senders of events that are told theirs are wanted, by the names they give: eventgrid.azure.net.
    events_origins: Annotated[Words, AfterValidator(_senders)] = ()
    #: Whose tokens open the HTTP door, besides keys: what they say as `iss`, letter by letter.
    oidc_issuer: str = ""
    #: For whom they must be made: one of these.
    oidc_audience: Words = ()
    #: Where the issuer's keys are; empty: where it says itself.
    oidc_jwks_url: str = ""
    #: By what tokens may be signed.
    oidc_algorithms: Words = ("RS256", "ES256")
    #: Which of the issuer's words gives which role: Council.Officer=officer, Panel=decider.
    oidc_roles: str = ""
    #: Where those words are in a token.
    oidc_roles_claim: Annotated[str, Field(min_length=1)] = "roles"
    #: Where an applicant's organisations are; and what stands before each of them: URN:.
    oidc_organisations_claim: str = ""
    oidc_organisations_prefix: str = ""
    #: Where it says who it is.
    oidc_actor_claim: Annotated[str, Field(min_length=1)] = "sub"
    #: What the standalone program logs.
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)
    ] = "INFO"
    #: Who asks, for the command line (`EOI_AS`).
    acting_as: str | None = Field(default=None, validation_alias="EOI_AS")
    #: The server that the command line asks instead of a database; empty: none.
    server: str = ""
    #: The key that it is asked with (`EOI_KEY`).
    server_key: SecretStr = Field(default=SecretStr(""), validation_alias="EOI_KEY")
    #: The roles they hold, for the command line.
    roles: Words = ()
    #: The organisations they act for, for the command line.
    organisations: Words = ()
    #: Whether texts are to stay without colours (https://no-color.org): any value of `NO_COLOR` but none.
    no_color: str = Field(default="", validation_alias="NO_COLOR")

    def __init__(self, **given: Any) -> None:  # noqa: ANN401 -- the fields, checked by pydantic
        """Take what is given by keyword, the rest from the environment.

        Raises:
            BadInput: see the class.
        """
        try:
            super().__init__(**given)
        except ValidationError as exc:
            raise _refusal(exc) from None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 -- as pydantic calls it
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- as pydantic calls it
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- as pydantic calls it
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Look nowhere else: no file is named, and to go through all fields for none takes its time."""
        return init_settings, env_settings

    def without_events(self) -> Self:
        """Return the same without the table of events, a slip in which stops nobody who lets none in."""
        return self.model_copy(update={"events": ""})


def variable(field: str) -> str:
    """Return the name of the variable that sets a field."""
    alias = Settings.model_fields[field].validation_alias
    return alias if isinstance(alias, str) else f"{PREFIX}{field.upper()}"


def unheard() -> Iterator[str]:
    """Yield what to say of each variable that is named like a setting and is none, such as a misspelt one."""
    known = {variable(field) for field in Settings.model_fields}
    for name in sorted(os.environ):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            yield f"{name} is no setting, and changes nothing.{_meant(name.upper(), known)}"


def _refusal(exc: ValidationError) -> BadInput:
    """Return our error for the first thing that pydantic found; it shows nothing that may be a secret."""
    found = exc.errors(include_url=False)[0]
    name = str(found["loc"][0]) if found["loc"] else "settings"
    named = {name: each for each in Settings.model_fields for name in (each, variable(each))}
    if (field := named.get(name)) is None:
        return BadInput(
            f"There is no setting {name[:60]!r}.{_meant(name, Settings.model_fields)}", field=name
        )
    if ours := found.get("ctx", {}).get("error"):
        return BadInput(str(ours), field=name)
    value = "" if _may_be_secret(field) else f", not {found['input']!r}"
    return BadInput(f"{variable(field)}: {found['msg']}{value}.", field=name)


def _may_be_secret(field: str) -> bool:
    return field == "database_url" or Settings.model_fields[field].annotation is SecretStr


def _meant(name: str, known: Iterable[str]) -> str:
    """Return which of the known ones was meant, as a sentence of its own; nothing where none is near."""
    return "".join(f" Was {each} meant?" for each in get_close_matches(name, known, n=1, cutoff=0.8))
