"""Secrets of webhooks: shown once, sealed in the rows, two at a time while the receiver changes over."""

import base64
import logging
import re

import pytest

from adapters.cli.running import LYING_OPEN, UNREADABLE, UNSEALED, UNSET, doubts
from adapters.vault import KeyedVault
from tests.databases.lent import NewEngine
from tests.databases.raw import RawDatabase
from tests.outgoing.hand import A, Hand, webhook
from workflow import BadInput, CallView, Engine, RoleMissing
from workflow.errors import SecretUnreadable
from workflow.testing import FrozenClock, officer, school

KEYS = [base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2)]


def test_a_secret_is_32_random_bytes_in_base64(engine: Engine) -> None:
    """As Standard Webhooks has it, and another one for each endpoint."""
    secrets = [str(engine.add_endpoint(A, actor=officer()).secret) for _ in range(2)]
    assert all(re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", each) for each in secrets)
    assert [len(base64.b64decode(each.removeprefix("whsec_"))) for each in secrets] == [32, 32]
    assert secrets[0] != secrets[1]


def test_a_secret_is_shown_once_and_never_again(
    new_engine: NewEngine, caplog: pytest.LogCaptureFixture
) -> None:
    """No list, view, repr, delivery or log shows it; that there is one is shown."""
    engine = new_engine(vault=KeyedVault(KEYS[:1]))
    with caplog.at_level(logging.DEBUG):
        added = engine.add_endpoint(A, headers={"Authorization": "Bearer hunter2"}, actor=officer())
        rotated = engine.rotate_endpoint(added.id, actor=officer())
        enabled = engine.enable_endpoint(added.id, actor=officer())
        ping = engine.ping(added.id, actor=officer())
    assert (enabled.secret, enabled.signed, engine.endpoint(added.id).secret) == (None, True, None)
    seen = repr((added, rotated, enabled, engine.endpoints(), engine.endpoint(added.id), ping)) + caplog.text
    for hidden in (str(added.secret), str(rotated.secret), "hunter2"):
        assert hidden not in seen
    assert [each.secret for each in engine.endpoints()] == [None]


def test_with_a_key_what_is_stored_tells_nobody_anything(
    new_engine: NewEngine, database: RawDatabase
) -> None:
    """The rows hold neither secret nor header; what a courier gets, the same key reads again."""
    vault = KeyedVault(KEYS[:1])
    engine = new_engine(vault=vault)
    added = engine.add_endpoint(A, headers={"X-Key": "hunter2"}, actor=officer())
    rotated = engine.rotate_endpoint(added.id, actor=officer())
    stored = str(database.rows("eoi_endpoint"))
    for hidden in (str(added.secret), str(rotated.secret), "hunter2", "X-Key"):
        assert hidden.removeprefix("whsec_") not in stored
    delivery = engine.ping(added.id, actor=officer())
    assert [vault.unseal(each) for each in delivery.secrets] == [rotated.secret, added.secret]
    assert vault.unseal(delivery.headers) == '{"X-Key": "hunter2"}'


def test_what_was_sealed_is_read_under_a_new_key_that_stands_before_the_old_one(
    new_engine: NewEngine,
) -> None:
    """And by nobody who has another key."""
    added = new_engine(vault=KeyedVault(KEYS[:1])).add_endpoint(A, actor=officer())
    (sealed,) = new_engine().ping(added.id, actor=officer()).secrets
    assert KeyedVault(KEYS[::-1]).unseal(sealed) == added.secret
    with pytest.raises(SecretUnreadable):
        KeyedVault(KEYS[1:]).unseal(sealed)


def test_without_a_key_a_secret_is_kept_as_what_it_is(new_engine: NewEngine) -> None:
    """A vault that gets a key later reads it still."""
    added = new_engine().add_endpoint(A, actor=officer())
    (kept,) = new_engine(vault=KeyedVault(KEYS)).ping(added.id, actor=officer()).secrets
    assert KeyedVault(KEYS).unseal(kept) == added.secret


def _signed_by(hand: Hand) -> list[str]:
    """Return what signs the next delivery, which is given back."""
    (delivery,) = hand.claim(limit=1)
    hand.give_back(delivery)
    return [each.removeprefix("plain:") for each in delivery.secrets]


def test_two_secrets_sign_until_the_old_one_ends(
    engine: Engine, call: CallView, hand: Hand, clock: FrozenClock
) -> None:
    """The newest stands first; from that instant on it signs alone."""
    added = engine.add_endpoint(A, actor=officer())
    hand.drafts(call.id, 1)
    assert _signed_by(hand) == [added.secret]
    rotated = engine.rotate_endpoint(added.id, actor=officer(), keep_old_s=100)
    assert _signed_by(hand) == [rotated.secret, added.secret]
    clock.move_by(seconds=99.999)
    assert _signed_by(hand) == [rotated.secret, added.secret]
    clock.move_by(seconds=0.001)
    assert _signed_by(hand) == [rotated.secret]


def test_an_old_secret_that_leaked_ends_at_once(engine: Engine, call: CallView, hand: Hand) -> None:
    """Nothing more is signed by it."""
    endpoint_id = webhook(engine)
    hand.drafts(call.id, 1)
    rotated = engine.rotate_endpoint(endpoint_id, actor=officer(), keep_old_s=0)
    assert _signed_by(hand) == [rotated.secret]


def test_rotated_twice_the_two_newest_sign_for_a_day(
    engine: Engine, call: CallView, hand: Hand, clock: FrozenClock
) -> None:
    """There are never three; and who says nothing of it has a day to change over."""
    endpoint_id = webhook(engine)
    hand.drafts(call.id, 1)
    one, two = (engine.rotate_endpoint(endpoint_id, actor=officer()) for _ in range(2))
    assert _signed_by(hand) == [two.secret, one.secret]
    clock.move_by(days=1, microseconds=-1)
    assert _signed_by(hand) == [two.secret, one.secret]
    clock.move_by(microseconds=1)
    assert _signed_by(hand) == [two.secret]


def test_an_old_secret_that_nobody_can_read_any_more_holds_up_nothing(
    new_engine: NewEngine,
) -> None:
    """The key was lost: the new secret signs alone, at once; beside the old one nothing could be signed."""
    added = new_engine(vault=KeyedVault(KEYS[:1])).add_endpoint(A, actor=officer())
    other = new_engine(vault=KeyedVault(KEYS[1:]))
    rotated = other.rotate_endpoint(added.id, actor=officer())
    (sealed,) = other.ping(added.id, actor=officer()).secrets
    assert KeyedVault(KEYS[1:]).unseal(sealed) == rotated.secret
    assert rotated.old_secret_until is None


def test_it_is_told_whose_secrets_this_key_does_not_open(new_engine: NewEngine) -> None:
    """Secret or headers, under another key or none; `serve` says so when it starts."""
    mine, other = (new_engine(vault=KeyedVault([key])) for key in KEYS)
    signed, with_headers = webhook(mine), webhook(mine, A, headers={"X-Key": "hunter2"})
    readable, people = webhook(other), mine.add_endpoint("a@council.example", via="smtp", actor=officer())
    assert [each.id for each in mine.unreadable_endpoints(actor=officer())] == [readable]
    assert {each.id for each in other.unreadable_endpoints()} == {signed, with_headers}
    other.rotate_endpoint(signed, actor=officer())
    other.rotate_endpoint(with_headers, actor=officer())
    assert [each.id for each in other.unreadable_endpoints()] == [with_headers]
    assert list(doubts(other, has_key=True, unset={})) == [UNREADABLE.format(with_headers)]
    assert {each.id for each in new_engine().unreadable_endpoints()} == {signed, with_headers, readable}
    mine.remove_endpoint(with_headers, actor=officer())
    assert list(doubts(other, has_key=True, unset={})) == []
    assert list(doubts(other, has_key=False, unset={})) == [UNSEALED]
    assert mine.endpoint(people.id).signed is False
    with pytest.raises(RoleMissing):
        mine.unreadable_endpoints(actor=school(1))


def test_what_was_kept_before_there_was_a_key_is_told_and_sealed(
    new_engine: NewEngine, database: RawDatabase
) -> None:
    """Who sets a key thinks that nothing lies readable any more; the secrets stay what they were."""
    before, vault = new_engine(), KeyedVault(KEYS[:1])
    added = before.add_endpoint(A, headers={"X-Key": "hunter2"}, actor=officer())
    rotated = before.rotate_endpoint(added.id, actor=officer())
    before.add_endpoint("a@council.example", via="smtp", actor=officer())
    engine = new_engine(vault=vault)
    assert list(doubts(engine, has_key=True, unset={})) == [LYING_OPEN.format(added.id)]
    assert engine.seal_endpoints(actor=officer()) == 1
    assert list(doubts(engine, has_key=True, unset={})) == []
    stored = str(database.rows("eoi_endpoint"))
    for hidden in (str(added.secret), str(rotated.secret), "hunter2"):
        assert hidden.removeprefix("whsec_") not in stored
    delivery = engine.ping(added.id, actor=officer())
    assert [vault.unseal(each) for each in delivery.secrets] == [rotated.secret, added.secret]
    assert vault.unseal(delivery.headers) == '{"X-Key": "hunter2"}'
    assert engine.endpoint(added.id).old_secret_until == rotated.old_secret_until


def test_an_old_key_may_be_taken_away_once_all_is_sealed_under_the_new_one(new_engine: NewEngine) -> None:
    """But for what neither opens, which stays as it is, for whoever has its key."""
    other = webhook(new_engine(vault=KeyedVault([base64.b64encode(bytes([3]) * 32).decode()])))
    added = new_engine(vault=KeyedVault(KEYS[:1])).add_endpoint(A, actor=officer())
    assert new_engine(vault=KeyedVault(KEYS[::-1])).seal_endpoints(actor=officer()) == 1
    alone = new_engine(vault=KeyedVault(KEYS[1:]))
    assert [each.id for each in alone.unreadable_endpoints()] == [other]
    (sealed,) = alone.ping(added.id, actor=officer()).secrets
    assert KeyedVault(KEYS[1:]).unseal(sealed) == added.secret


def test_only_who_keeps_endpoints_seals_and_only_with_a_key(new_engine: NewEngine) -> None:
    """Without one nothing is changed, and what is sealed stays sealed."""
    keyed = new_engine(vault=KeyedVault(KEYS[:1]))
    sealed = keyed.ping(webhook(keyed), actor=officer())
    with pytest.raises(BadInput, match="EOI_SECRET_KEY"):
        new_engine().seal_endpoints(actor=officer())
    with pytest.raises(RoleMissing):
        keyed.seal_endpoints(actor=school(1))
    assert keyed.ping(sealed.endpoint_id, actor=officer()).secrets == sealed.secrets
    with pytest.raises(RoleMissing):
        keyed.unsealed_endpoints(actor=school(1))


def test_it_is_told_to_whom_this_node_cannot_write(new_engine: NewEngine) -> None:
    """It has no mail server, and somebody is to be written to: other nodes must do it."""
    engine = new_engine(vault=KeyedVault(KEYS[:1]))
    webhook(engine)
    unset = {"smtp": "EOI_SMTP_URL", "notify": "EOI_NOTIFY_KEY"}
    assert list(doubts(engine, has_key=True, unset=unset)) == []
    people = engine.add_endpoint("a@council.example", via="smtp", actor=officer())
    assert list(doubts(engine, has_key=True, unset=unset)) == [UNSET.format("EOI_SMTP_URL", people.id)]
    assert list(doubts(engine, has_key=True, unset={})) == []
