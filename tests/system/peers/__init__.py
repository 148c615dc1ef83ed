"""Scripted LocalSend peers of every era, and the misbehaviour that the real ones show.

They are written from what is known of the wire, with the standard library only, so that a test
knows each byte that went either way.
"""
