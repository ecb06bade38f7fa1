"""The engine's face over HTTP: a server is asked, and no database is needed here.

    client      Client: the commands and questions of `Engine`, by the same names
    calls, eois, endpoints, deliveries, events, jobs, asker    the routes; `unasked`: what has none
    asking      requests and pages, for those
    conditions  for whom, of which version, under which key
    documents   answers, made views again
    problems    problem documents, made errors again
    wire        one request: bounded in time and size, never to another place than was meant
    uploads     a file that goes along
    patience    one deadline over a request
    again       what may be sent again, and after how long
    strangers   what to say where no eoi server has answered
    address     which addresses a key may be sent to
    errors      what only a client may say

Importing it takes httpx and pydantic along; who starts quickly imports it late.
"""

from adapters.client.client import Client

__all__ = ["Client"]
