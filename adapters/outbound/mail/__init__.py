"""How mail leaves: the server that takes it, the connections to it, the message, what its replies mean.

Nothing here knows what a letter says, or what the engine is told of how it went.
"""
