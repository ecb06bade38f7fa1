"""The command line `eoi`. Each command asks the engine, and tells the answer as text or as one JSON document.

    app         the commands, put together
    door        who asks, and what is asked
    entering    how a function becomes a command, and how an error ends it
    reach       the database here, or a server: the one choice
    everywhere  the options that stand everywhere, made once
    hints       how to mend here what was refused
    options     arguments and options that several commands take
    telling     how things are told on a terminal; `adapters.documents` tells them as JSON
    views       calls and EOIs in words
    receivers   webhooks' receivers, looked at before they are added
    progress    how far something long has come
    waiting     how long a server lets us wait
    sheets, calls, eois, endpoints, delivery, contacts, events, events_in, imports, export, jobs, keys,
    running, storage    the commands

Commands import the composition root inside, so that `--help` is quick.
"""

from adapters.cli.app import main

__all__ = ["main"]
