"""What a value is, whatever it comes through: files, frames, queries, HTTP, mails, forms and outcomes.

- `missing`: whether a value says anything.
- `texts`: one text for one value, for labels and ids.
- `numbers`, `times`: numbers, dates, times and durations as people and spreadsheets write them.
- `written`: how a field's sources write it, declared on the field.
- `columns`: what a whole column of a source shows of how it is written.
- `readers`, `schema`: the same for every field of a case type, at whatever depth.
"""

from aiops_flows.values.missing import is_missing
from aiops_flows.values.texts import label_of, text_of, tidy
from aiops_flows.values.times import moment_of
from aiops_flows.values.written import Written

__all__ = ["Written", "is_missing", "label_of", "moment_of", "text_of", "tidy"]
