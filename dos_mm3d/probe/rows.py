"""The rows of a probe: name -> blocks of features that stand side by side, and what a reader calls them."""

FIXED = {'raw': ['raw'], 'pillars': ['pillars'], 'handcrafted': ['pillars', 'raw']}
RANDOM = {'random': ['random'], 'random_raw': ['random', 'raw'], 'random_raw_handcrafted': ['random', 'pillars', 'raw']}
PRETRAINED = {
    'dos': ['teacher'],
    'dos_student': ['student'],
    'dos_raw': ['teacher', 'raw'],
    'dos_raw_handcrafted': ['teacher', 'pillars', 'raw'],
}
TITLES = {
    'raw': 'raw input',
    'pillars': 'hand-crafted pillar statistics',
    'handcrafted': 'hand-crafted + raw',
    'random': 'random initialisation',
    'random_raw': 'random + raw',
    'random_raw_handcrafted': 'random + raw + hand-crafted',
    'dos': 'DOS (teacher)',
    'dos_student': 'DOS (student)',
    'dos_raw': 'DOS + raw',
    'dos_raw_handcrafted': 'DOS + raw + hand-crafted',
}
