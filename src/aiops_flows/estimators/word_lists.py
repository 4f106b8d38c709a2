"""Short lists of words by which sentences are told apart, most of them English."""

from __future__ import annotations

__all__ = ["DENIALS", "EMPTY", "GREETINGS", "QUANTITIES", "STEPS", "TROUBLE"]

_GREETINGS = """
    hi hello hey dear thanks thank thx cheers welcome sorry apologies apologise apologize bye regards good morning
    afternoon evening day glad appreciate
"""
_TROUBLE = """
    not no never can't cannot won't doesn't didn't isn't don't cant wont issue issues problem error wrong broken
    fail failed fails lost missing stuck charged cancelled delayed late refund why unable help need want trying
"""
_STEPS = """
    please try dm send contact call check visit click link restart reset follow email report update submit will
    can't cannot refund replace sent fixed done resolved available forward request raise look investigate
"""
_QUANTITIES = """
    two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty fifty sixty hundred
    thousand million half double twice
"""
_DENIALS = """
    no not never none nobody nothing neither nor without cannot cant unable refuse refuses refused decline
    declined declines deny denied denies nicht kein keine keinen nie ohne pas jamais sans nunca sin non mai senza
    niet geen dont doesnt didnt wont isnt wasnt arent werent couldnt wouldnt shouldnt hasnt havent
"""
_EMPTY = """
    a an the and or but if so that this these those it its they them their he she his her him we us our you your i
    me my is are was were be been being am do does did has have had will would can could should may might must of
    in on at to for from by with about into as than then there here when while who which what how why also more
    still again customer customers agent agents client user representative support conversation turn issue
    resolution problem asks asked ask says said say states stated reports reported report complains complained
    wants wanted wishes wished requests requested explains explained advises advised tells told tell offers
    offered mentions mentioned confirms confirmed inquires inquired apologizes apologized informs informed
    suggests suggested notes noted needs due because since after before
"""

GREETINGS = frozenset(_GREETINGS.split())
"""Words of politeness, which say nothing of the matter."""
TROUBLE = frozenset(_TROUBLE.split())
"""Words by which customers tell what is wrong."""
STEPS = frozenset(_STEPS.split())
"""Words by which agents tell what was or will be done."""
QUANTITIES = frozenset(_QUANTITIES.split())
"""Amounts that are written as words."""
DENIALS = frozenset(_DENIALS.split())
"""Words that turn a sentence round, of a few languages."""
EMPTY = frozenset(_EMPTY.split())
"""Words that claim nothing of their own: function words, and those by which one person reports another's."""
