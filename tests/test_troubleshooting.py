"""Every message that docs/troubleshooting.md quotes is one that the code can print."""

import pytest

from tests.helpers.doc_references import ROOT
from tests.helpers.quoted_messages import is_printed, quoted

PAGE = ROOT / 'docs' / 'troubleshooting.md'


@pytest.mark.parametrize('message', quoted(PAGE))
def test_a_quoted_message_is_printed_by_the_code(message: str) -> None:
    assert is_printed(message)


def test_another_message_is_not() -> None:
    assert len(quoted(PAGE)) > 30
    assert is_printed('…: no such config; give the path of a .py file')
    assert not is_printed('…: no such config; give a path of a .py file')
    assert not is_printed('… …'), 'nothing is said'
