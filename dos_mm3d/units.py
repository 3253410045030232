"""Times and sizes as people say them."""


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`, `1 h 5 min`: the two largest units, tenths below ten seconds."""
    if seconds < 9.95:
        return f'{seconds:.1f} s'
    whole = round(seconds)
    if whole < 60:
        return f'{whole} s'
    if whole < 3600:
        return f'{whole // 60} min {whole % 60} s'
    minutes = round(seconds / 60)
    return f'{minutes // 60} h {minutes % 60} min'


def file_size(n_bytes: int) -> str:
    """`812 bytes`, `24 kB`, `6.0 MB`, `1.6 GB`: powers of 1000, as disks are sold and as `ls --si` counts."""
    if n_bytes < 1000:
        return f'{n_bytes} bytes'
    for unit, size in (('kB', 1e3), ('MB', 1e6), ('GB', 1e9), ('TB', 1e12)):
        if n_bytes < 999.5 * size or unit == 'TB':
            break
    digits = 0 if n_bytes >= 9.95 * size else 1
    return f'{n_bytes / size:.{digits}f} {unit}'
