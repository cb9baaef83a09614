from __future__ import annotations

from kubectl_snapshot.render.colour import paint_changes, paint_messages, paint_outcomes

RED, GREEN, YELLOW, CYAN, END = (f"\x1b[{n}m" for n in (31, 32, 33, 36, 0))


def test_of_a_finding_the_outcome_has_a_colour() -> None:
    text = "ok    a is 1\nFAIL  b is 2, not 3\n      fix: mend it\nunknown  c\n1 held\n"
    assert paint_outcomes(text) == (
        f"{GREEN}ok{END}    a is 1\n{RED}FAIL{END}  b is 2, not 3\n"
        f"      {CYAN}fix:{END} mend it\n{YELLOW}unknown{END}  c\n1 held\n"
    )


def test_of_a_difference_each_line_has_the_colour_of_what_it_tells() -> None:
    text = "OS.sysctl\n  + a: 1\n  ~ b: 1 → 2\n-OS.c: 3\n\nend\n"
    assert paint_changes(text) == (
        f"OS.sysctl\n  {GREEN}+ a: 1{END}\n  {YELLOW}~ b: 1 → 2{END}\n{RED}-OS.c: 3{END}\n\nend\n"
    )


def test_of_what_is_reported_the_label_has_a_colour() -> None:
    assert paint_messages("error: it broke\n  why: rain\n hint: wait") == (
        f"\x1b[1;31merror:{END} it broke\n  why: rain\n {CYAN}hint:{END} wait"
    )


def test_a_word_that_only_begins_like_one_has_none() -> None:
    assert paint_outcomes("okay then\nFAILED\n") == "okay then\nFAILED\n"
