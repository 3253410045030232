"""Every fix of an upstream bug, one function each: symptom, version, test, when it can go. Applied once, when dos_mm3d is imported."""

_applied = False


FIXES = ()


def apply() -> None:
    """Run every fix once; a second call does nothing."""
    global _applied
    if _applied:
        return
    for fix in FIXES:
        fix()
    _applied = True
