"""Every error of ours, as one tree.

::

    AiopsError
    ├── UseCaseError            the declaration of a use case contradicts itself, or cannot be found
    ├── SourceError             a file, folder or query that cases should come from cannot be read
    ├── CaseLogError
    │   ├── CaseLogMissing      a question was asked where there is no case log
    │   ├── BatchBusy           another worker holds the lease of this batch
    │   ├── LeaseLost           this worker's lease ran out and somebody else took the batch over
    │   ├── CaseUnknown         no case of that id is stored
    │   ├── AlreadyDecided      the case has an effective decision, and the answer names no revision it replaces
    │   ├── AutomationStopped   policy may not decide any more: a hold, an alarm, or the end of its certificate
    │   ├── ConflictingWrite    the same key is stored with other content
    │   └── SchemaMismatch      the database was made by another version of this library
    ├── RegistryError
    │   ├── RegistryAway        MLflow does not answer
    │   ├── NoChampion          the model has no champion, or none at the time asked for
    │   ├── VersionUnknown      no such version of this model
    │   ├── DigestMismatch      the files of a version are not those that were registered
    │   └── UntrustedModel      the files of a version would need a type that is not on our list
    ├── TrainingError           there is not enough, or not the right, data to train or judge a model
    ├── CompletionFailed        a language model gave no answer that can be used
    ├── NotDelivered            a sink did not take an effect
    ├── NoAnswer                another system gave no answer in time, or cannot be reached
    ├── StackError              something that should run on this machine does not start, answer or end
    └── PromotionError
        ├── ChampionChanged     somebody else moved the champion since it was looked at
        ├── NotApproved         four eyes are asked for and no valid approval is there
        └── NothingToRollBackTo no earlier champion is left that was not withdrawn

A refusal that belongs to business (a quarantined row, a failed gate, a case sent to a person) is a value with a
reason, never one of these.
"""

from __future__ import annotations

__all__ = [
    "AiopsError",
    "AlreadyDecided",
    "AutomationStopped",
    "BatchBusy",
    "CaseLogError",
    "CaseLogMissing",
    "CaseUnknown",
    "ChampionChanged",
    "CompletionFailed",
    "ConflictingWrite",
    "DigestMismatch",
    "LeaseLost",
    "NoAnswer",
    "NoChampion",
    "NotApproved",
    "NotDelivered",
    "NothingToRollBackTo",
    "PromotionError",
    "RegistryAway",
    "RegistryError",
    "SchemaMismatch",
    "SourceError",
    "StackError",
    "TrainingError",
    "UntrustedModel",
    "UseCaseError",
    "VersionUnknown",
]


class AiopsError(Exception):
    """Any error of this library."""


class UseCaseError(AiopsError):
    """The declaration of a use case contradicts itself, or cannot be found."""


class SourceError(AiopsError):
    """A file, folder or query that cases should come from cannot be read."""


class CaseLogError(AiopsError):
    """The case log refused or failed."""


class CaseLogMissing(CaseLogError):
    """There is no case log where one was expected; a question makes none."""


class BatchBusy(CaseLogError):
    """Another worker holds the lease of this batch; it is taken over when the lease runs out."""


class LeaseLost(CaseLogError):
    """This worker's lease ran out and the batch was taken over: nothing of this write was stored."""


class CaseUnknown(CaseLogError):
    """No case of that id is stored."""


class AlreadyDecided(CaseLogError):
    """The case has an effective decision; a correction must name the revision it replaces."""


class AutomationStopped(CaseLogError):
    """Policy may not decide any more: a hold, an alarm, or the end of its certificate came in between."""


class ConflictingWrite(CaseLogError):
    """The same key is stored with other content."""


class SchemaMismatch(CaseLogError):
    """The database was made by another version of this library."""


class RegistryError(AiopsError):
    """The model registry refused or failed."""


class RegistryAway(RegistryError):
    """MLflow does not answer; what needs it waits, scoring goes on with the cached champion."""


class NoChampion(RegistryError):
    """The model has no champion, or had none at the time asked for."""


class VersionUnknown(RegistryError):
    """No such version of this model is registered."""


class DigestMismatch(RegistryError):
    """The files of a version are not those that were registered: it is not loaded."""


class UntrustedModel(RegistryError):
    """The files of a version need a type that is not on our list: it is not loaded."""


class TrainingError(AiopsError):
    """There is not enough, or not the right, data to train or judge a model."""


class StackError(AiopsError):
    """Something that should run on this machine does not start, answer or end."""


class CompletionFailed(AiopsError):
    """A language model gave no answer that can be used; ``status`` says why in a few words."""

    def __init__(self, message: str, status: str) -> None:
        super().__init__(message)
        self.status = status


class NotDelivered(AiopsError):
    """A sink did not take an effect; it is tried again, unless the sink says that it never will."""

    def __init__(self, reason: str, *, for_good: bool = False) -> None:
        super().__init__(reason)
        self.for_good = for_good


class NoAnswer(AiopsError):
    """Another system gave no answer in time, or cannot be reached; the text holds nothing of what was sent."""

    def __init__(self, message: str, *, timed_out: bool = False) -> None:
        super().__init__(message)
        self.timed_out = timed_out


class PromotionError(AiopsError):
    """A promotion or rollback could not be carried out."""


class ChampionChanged(PromotionError):
    """Somebody else moved the champion since it was looked at: judge again against the new one."""


class NotApproved(PromotionError):
    """Four eyes are asked for, and no valid approval of this evidence by another person is there."""


class NothingToRollBackTo(PromotionError):
    """No earlier champion is left that was not withdrawn."""
