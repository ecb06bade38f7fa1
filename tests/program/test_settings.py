"""The one reader of the environment. Variables are set by pytest's own means, and only for one test."""

from typing import Any

import pytest
from pydantic import SecretStr

from adapters.bootstrap import build
from adapters.settings import Settings, as_url, place, unheard, variable
from states.errors import BadInput

# What each variable may say, and what is then set.
SAID = {
    "EOI_DATABASE_URL": ("database_url", "sqlite:////srv/eoi.db", "sqlite:////srv/eoi.db"),
    "EOI_SETTLE_S": ("settle_s", "0.5", 0.5),
    "EOI_LOCK_TIMEOUT_S": ("lock_timeout_s", "5", 5.0),
    "EOI_KEEP_KEYS_DAYS": ("keep_keys_days", "7", 7.0),
    "EOI_POOL_SIZE": ("pool_size", "3", 3),
    "EOI_WEBHOOK_ALLOW": (
        "webhook_allow",
        "10.0.0.0/8, inside.example:8080",
        "10.0.0.0/8, inside.example:8080",
    ),
    "EOI_WEBHOOK_TIMEOUT_S": ("webhook_timeout_s", "3", 3.0),
    "EOI_SECRET_KEY": ("secret_key", "a key", SecretStr("a key")),
    "EOI_KEEP_DELIVERIES_DAYS": ("keep_deliveries_days", "7", 7.0),
    "EOI_KEEP_JOBS_DAYS": ("keep_jobs_days", "1", 1.0),
    "EOI_SMTP_URL": ("smtp_url", "smtp://mail.example", SecretStr("smtp://mail.example")),
    "EOI_SMTP_SENDER": ("smtp_sender", "bases@council.example", "bases@council.example"),
    "EOI_SMTP_TIMEOUT_S": ("smtp_timeout_s", "3", 3.0),
    "EOI_LETTERS": ("letters", "/etc/eoi/letters", "/etc/eoi/letters"),
    "EOI_NOTIFY_KEY": ("notify_key", "a key", SecretStr("a key")),
    "EOI_NOTIFY_TEMPLATES": ("notify_templates", "call.*=an id", "call.*=an id"),
    "EOI_NOTIFY_REPLY_TO": ("notify_reply_to", "an id", "an id"),
    "EOI_NOTIFY_URL": ("notify_url", "http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    "EOI_API_RATE": ("api_rate", "60", 60),
    "EOI_API_FAILURES": ("api_failures", "3", 3),
    "EOI_API_LARGEST_BODY": ("api_largest_body", "4096", 4096),
    "EOI_API_NEEDS_VERSION": ("api_needs_version", "true", True),
    "EOI_API_ORIGINS": (
        "api_origins",
        "https://council.example, http://localhost:3000",
        ("https://council.example", "http://localhost:3000"),
    ),
    "EOI_API_TRUSTED_PROXIES": ("api_trusted_proxies", "10.0.0.0/8, ::1", ("10.0.0.0/8", "::1")),
    "EOI_API_DOCS": ("api_docs", "no", False),
    "EOI_API_METRICS_OPEN": ("api_metrics_open", "1", True),
    "EOI_EVENTS": ("events", "/etc/eoi/events.toml", "/etc/eoi/events.toml"),
    "EOI_EVENTS_UNKNOWN": ("events_unknown", "refuse", "refuse"),
    "EOI_EVENTS_SECRET": ("events_secret", "whsec_x", SecretStr("whsec_x")),
    "EOI_EVENTS_ORIGINS": (
        "events_origins",
        "eventgrid.azure.net, Broker.Council.Example",
        ("eventgrid.azure.net", "broker.council.example"),
    ),
    "EOI_OIDC_ISSUER": ("oidc_issuer", "https://id.example/eoi", "https://id.example/eoi"),
    "EOI_OIDC_AUDIENCE": ("oidc_audience", "eoi, api://eoi", ("eoi", "api://eoi")),
    "EOI_OIDC_JWKS_URL": ("oidc_jwks_url", "https://id.example/keys", "https://id.example/keys"),
    "EOI_OIDC_ALGORITHMS": ("oidc_algorithms", "ES256", ("ES256",)),
    "EOI_OIDC_ROLES": ("oidc_roles", "Panel=decider", "Panel=decider"),
    "EOI_OIDC_ROLES_CLAIM": ("oidc_roles_claim", "realm_access.roles", "realm_access.roles"),
    "EOI_OIDC_ORGANISATIONS_CLAIM": ("oidc_organisations_claim", "urns", "urns"),
    "EOI_OIDC_ORGANISATIONS_PREFIX": ("oidc_organisations_prefix", "URN:", "URN:"),
    "EOI_OIDC_ACTOR_CLAIM": ("oidc_actor_claim", "oid", "oid"),
    "EOI_LOG_LEVEL": ("log_level", " debug ", "DEBUG"),
    "EOI_AS": ("acting_as", "programme.team", "programme.team"),
    "EOI_SERVER": ("server", "https://eoi.council.example", "https://eoi.council.example"),
    "EOI_KEY": ("server_key", "a key", SecretStr("a key")),
    "EOI_ROLES": ("roles", "officer, ,admin", ("officer", "admin")),
    "EOI_ORGANISATIONS": ("organisations", "URN:1,URN:2", ("URN:1", "URN:2")),
    "NO_COLOR": ("no_color", "1", "1"),
}
DEFAULTS: dict[str, Any] = {
    "database_url": "sqlite:///eoi.db",
    "settle_s": 2.0,
    "lock_timeout_s": 30.0,
    "keep_keys_days": 30.0,
    "pool_size": 10,
    "webhook_allow": "",
    "webhook_timeout_s": 10.0,
    "secret_key": SecretStr(""),
    "keep_deliveries_days": 90.0,
    "keep_jobs_days": 7.0,
    "smtp_url": SecretStr(""),
    "smtp_sender": "",
    "smtp_timeout_s": None,
    "letters": "",
    "notify_key": SecretStr(""),
    "notify_templates": "",
    "notify_reply_to": "",
    "notify_url": "",
    "api_rate": 600,
    "api_failures": 30,
    "api_largest_body": 2 * 1024 * 1024,
    "api_needs_version": False,
    "api_origins": (),
    "api_trusted_proxies": (),
    "api_docs": True,
    "api_metrics_open": False,
    "events": "",
    "events_unknown": "record",
    "events_secret": SecretStr(""),
    "events_origins": (),
    "oidc_issuer": "",
    "oidc_audience": (),
    "oidc_jwks_url": "",
    "oidc_algorithms": ("RS256", "ES256"),
    "oidc_roles": "",
    "oidc_roles_claim": "roles",
    "oidc_organisations_claim": "",
    "oidc_organisations_prefix": "",
    "oidc_actor_claim": "sub",
    "log_level": "INFO",
    "acting_as": None,
    "server": "",
    "server_key": SecretStr(""),
    "roles": (),
    "organisations": (),
    "no_color": "",
}


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Take away what the shell around this test says, and lend what sets variables."""
    for name in SAID:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_without_any_variable_everything_has_its_default() -> None:
    """A bare environment is enough."""
    assert Settings().model_dump() == DEFAULTS


@pytest.mark.parametrize("name", SAID)
def test_each_variable_sets_its_one_field(bare: pytest.MonkeyPatch, name: str) -> None:
    """What a variable says is set, and nothing else; said as nothing, it counts as not said."""
    field, said, value = SAID[name]
    assert variable(field) == name
    bare.setenv(name, said)
    assert Settings().model_dump() == DEFAULTS | {field: value}
    bare.setenv(name, "")
    assert Settings().model_dump() == DEFAULTS


def test_every_field_can_be_set_by_a_variable_and_by_keyword(bare: pytest.MonkeyPatch) -> None:
    """No setting is left out here, and a keyword counts instead of the variable."""
    assert {field for field, _, _ in SAID.values()} == set(Settings.model_fields)
    bare.setenv("EOI_AS", "somebody")
    assert Settings(acting_as="other", roles=["officer"]).acting_as == "other"
    assert Settings(roles="officer,admin").roles == ("officer", "admin")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("EOI_SETTLE_S", "soon"),
        ("EOI_SETTLE_S", "-1"),
        ("EOI_SETTLE_S", "3601"),
        ("EOI_SETTLE_S", "nan"),
        ("EOI_LOCK_TIMEOUT_S", "inf"),
        ("EOI_KEEP_KEYS_DAYS", "for ever"),
        ("EOI_POOL_SIZE", "0"),
        ("EOI_WEBHOOK_TIMEOUT_S", "0"),
        ("EOI_WEBHOOK_TIMEOUT_S", "61"),
        ("EOI_WEBHOOK_ALLOW", "no host"),
        ("EOI_WEBHOOK_ALLOW", "10.0.0.0/99"),
        ("EOI_LOG_LEVEL", "loud"),
        ("EOI_API_RATE", "0"),
        ("EOI_API_FAILURES", "-1"),
        ("EOI_API_LARGEST_BODY", "10"),
        ("EOI_API_NEEDS_VERSION", "perhaps"),
        ("EOI_API_ORIGINS", "*"),
        ("EOI_API_ORIGINS", "council.example"),
        ("EOI_API_ORIGINS", "https://council.example/"),
        ("EOI_API_ORIGINS", "https://Council.example"),
        ("EOI_API_ORIGINS", "null"),
        ("EOI_API_TRUSTED_PROXIES", "*"),
        ("EOI_API_TRUSTED_PROXIES", "proxy.example"),
        ("EOI_API_TRUSTED_PROXIES", "10.0.0.1/8"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_with_its_variable(
    bare: pytest.MonkeyPatch, name: str, said: str
) -> None:
    """An operator's slip is refused in one line that names the variable, whoever reads the settings."""
    bare.setenv(name, said)
    with pytest.raises(BadInput) as caught:
        Settings()
    assert caught.value.field == SAID[name][0]
    assert name in caught.value.message
    assert "\n" not in caught.value.message


def test_what_is_no_setting_is_refused_by_keyword() -> None:
    """A host's slip in a keyword, and an empty URL, are refused."""
    for given, field in (({"settle": 2}, "settle"), ({"database_url": ""}, "database_url")):
        with pytest.raises(BadInput) as caught:
            Settings(**given)
        assert caught.value.field == field


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"event_secret": "hunter2"}, "There is no setting 'event_secret'. Was events_secret meant?"),
        ({"password": "hunter2"}, "There is no setting 'password'."),
        ({"secret_key": ["hunter2"]}, "EOI_SECRET_KEY: Input should be a valid string."),
        ({"database_url": b"\xff://eoi:hunter2@host"}, "EOI_DATABASE_URL: Input should be a valid string, "),
        ({"database_url": "postgresql:/eoi:hunter2@host"}, "EOI_DATABASE_URL: two slashes follow"),
        ({"server_key": 7_000_002}, "EOI_KEY: Input should be a valid string."),
    ],
)
def test_what_may_be_a_secret_is_not_shown(given: dict[str, Any], says: str) -> None:
    """A host's slip is told by its name; the value, which a log would keep, stays where it is."""
    with pytest.raises(BadInput) as caught:
        Settings(**given)
    assert caught.value.message.startswith(says)
    assert not any(secret in str(caught.value) for secret in ("hunter2", "7000002"))


def test_a_program_shows_no_password_of_its_database() -> None:
    """Whoever writes its settings, or the whole program, into a log writes no secret there."""
    app = build(
        Settings(database_url="postgresql://eoi:hunter2@host/eoi", events_secret="whsec_aHVudGVyMg==")
    )
    assert "hunter2" not in repr(app) + repr(app.settings) + repr(app.engine)
    assert "aHVudGVyMg" not in repr(app)


@pytest.mark.parametrize(
    ("said", "url"),
    [
        ("eoi.db", "sqlite:///eoi.db"),
        ("/srv/eoi.db", "sqlite:////srv/eoi.db"),
        ("odd %20?#.db", "sqlite:///odd %2520%3F%23.db"),
        ("sqlite:///eoi.db", "sqlite:///eoi.db"),
        ("sqlite://", "sqlite://"),
        ("postgresql://council/eoi", "postgresql://council/eoi"),
    ],
)
def test_a_database_is_a_url_or_a_path(said: str, url: str) -> None:
    """A path becomes the URL that names it letter by letter; a URL stays what it is."""
    assert as_url(said) == url
    assert Settings(database_url=said).database_url == url


def test_settings_do_not_change() -> None:
    """What a program was started with is what it goes on with."""
    with pytest.raises(ValueError, match="frozen"):
        Settings().settle_s = 5.0


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:///eoi.db", "eoi.db"),
        ("sqlite:////srv/100%25.db", "/srv/100%.db"),
        ("postgresql+psycopg://eoi:hunter2@db.example/eoi", "postgresql+psycopg://eoi:***@db.example/eoi"),
        (
            "postgresql:///eoi?host=db.example&password=hunter2&sslpassword=hunter3",
            "postgresql:///eoi?host=db.example",
        ),
    ],
)
def test_a_database_is_shown_without_its_password(url: str, shown: str) -> None:
    """What stands on a terminal or in a log tells where the rows are, and no secret."""
    assert place(url) == shown


def test_a_misspelt_variable_is_told(bare: pytest.MonkeyPatch) -> None:
    """What is named like a setting and is none, with the one that may have been meant; never what it says."""
    heard = list(unheard())
    bare.setenv("EOI_API_TRUSTED_PROXY", "secret")
    bare.setenv("EOI_9", "secret")
    bare.setenv("Eoi_Api_Rate", "7")
    bare.setenv("EOI_API_FAILURES", "7")
    assert [each for each in unheard() if each not in heard] == [
        "EOI_9 is no setting, and changes nothing.",
        "EOI_API_TRUSTED_PROXY is no setting, and changes nothing. Was EOI_API_TRUSTED_PROXIES meant?",
    ]
    assert Settings().api_rate == 7
