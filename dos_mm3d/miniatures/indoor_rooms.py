"""Which rooms there are and what is likely to stand in each: few classes everywhere, many classes seldom.

`wanted` holds (raw category, expected number): 1.4 is one always and a second one in 40 % of the rooms. Each room draws
EXTRAS more from its type's `seldom`, by turns, so that a handful of rooms shows much of the long tail."""

from dataclasses import dataclass

EXTRAS = 4


@dataclass(frozen=True)
class RoomType:
    """scene_type: the name in ScanNet's metadata; sides_m: least and most width and depth; must: in every room of the
    type; windows: their number."""

    scene_type: str
    sides_m: tuple[float, float]
    windows: int
    must: tuple[str, ...]
    wanted: tuple[tuple[str, float], ...]
    seldom: tuple[str, ...]


_EVERYWHERE = (
    ('picture', 0.7),
    ('light switch', 0.5),
    ('power outlet', 0.4),
    ('radiator', 0.3),
    ('ceiling light', 0.5),
)

ROOM_TYPES = {
    'bedroom': RoomType(
        'Bedroom / Hotel', (3.3, 4.2), 1,
        ('bed', 'nightstand', 'desk', 'dresser', 'pillow', 'picture', 'curtain', 'trash can'),
        (('wardrobe', 0.5), ('office chair', 0.5), ('chair', 0.4), ('bookshelf', 0.4), ('pillow', 1.0), ('lamp', 0.9),
         ('mirror', 0.5), ('blanket', 0.5), ('clothes', 0.5), ('books', 1.2), ('backpack', 0.5), ('shoes', 0.5),
         ('box', 0.4), ('rug', 0.4), ('tv', 0.3), *_EVERYWHERE),
        ('stuffed animal', 'laundry hamper', 'guitar', 'ironing board', 'alarm clock', 'suitcase', 'mattress', 'hat',
         'poster', 'fan', 'closet', 'jacket', 'purse', 'tissue box', 'candle', 'dumbbell', 'luggage', 'headphones',
         'ottoman', 'guitar case', 'shelf', 'laptop', 'bag', 'mini fridge', 'calendar', 'storage bin', 'folded chair',
         'vacuum cleaner', 'laundry basket', 'keyboard piano'),
    ),
    'office': RoomType(
        'Office', (3.3, 4.6), 1,
        ('desk', 'desk', 'table', 'bookshelf', 'office chair', 'office chair', 'chair', 'monitor', 'whiteboard',
         'trash can', 'cabinet'),
        (('file cabinet', 0.7), ('monitor', 1.4), ('keyboard', 1.3), ('mouse', 0.5), ('computer tower', 0.8),
         ('telephone', 0.5), ('books', 2.5), ('chair', 1.0), ('backpack', 0.6), ('printer', 0.4), ('paper', 0.8),
         ('cup', 0.7), ('recycling bin', 0.4), ('box', 0.6), ('laptop', 0.4), *_EVERYWHERE),
        ('copier', 'bulletin board', 'projector', 'projector screen', 'paper cutter', 'water cooler', 'clock', 'column',
         'blackboard', 'power strip', 'storage organizer', 'sign', 'fire extinguisher', 'person', 'divider', 'cart',
         'bicycle', 'calendar', 'water bottle', 'fire alarm', 'vent', 'headphones', 'globe', 'rail', 'coat rack',
         'cd case', 'machine', 'pillar', 'speaker', 'mini fridge', 'ladder', 'music stand'),
    ),
    'kitchen': RoomType(
        'Kitchen', (3.0, 3.9), 1,
        ('refrigerator', 'kitchen cabinets', 'kitchen counter', 'stove', 'sink', 'table', 'chair', 'chair',
         'kitchen cabinet', 'trash can', 'curtain'),
        (('kitchen cabinet', 0.8), ('chair', 1.2), ('microwave', 0.8), ('range hood', 0.5), ('counter', 0.4),
         ('bottle', 1.2), ('cup', 1.0), ('plate', 0.5), ('bowl', 0.5), ('coffee maker', 0.4), ('towel', 0.4),
         ('dish rack', 0.3), ('paper towel roll', 0.3), ('container', 0.5), *_EVERYWHERE),
        ('toaster', 'dishwasher', 'oven', 'toaster oven', 'coffee kettle', 'water pitcher', 'stool', 'broom', 'tray',
         'case of water bottles', 'dining table', 'paper bag', 'trash bin', 'bin', 'crate', 'bench', 'clock', 'basket',
         'cart', 'bucket', 'rack', 'plant', 'vase', 'vent', 'soap dispenser', 'calendar', 'ledge', 'mat'),
    ),
    'bathroom': RoomType(
        'Bathroom', (2.3, 2.9), 0,
        ('bathtub', 'shower curtain', 'toilet', 'bathroom vanity', 'sink', 'trash can', 'towel'),
        (('mirror', 0.7), ('towel', 0.8), ('toilet paper', 0.8), ('shower curtain rod', 0.6), ('mat', 0.6),
         ('bathroom cabinet', 0.4), ('soap dispenser', 0.5), ('toilet paper holder', 0.4), ('bottle', 0.6),
         ('light switch', 0.5), ('shower head', 0.3)),
        ('scale', 'plunger', 'handicap bar', 'washing machine', 'laundry hamper', 'hair dryer', 'soap dish',
         'toilet seat cover dispenser', 'paper towel dispenser', 'toilet paper dispenser', 'laundry basket', 'pipe',
         'clothes dryer', 'laundry detergent', 'bathroom stall', 'shower', 'bucket', 'stool'),
    ),
    'living room': RoomType(
        'Living room / Lounge', (3.8, 4.8), 2,
        ('couch', 'coffee table', 'tv stand', 'tv', 'bookshelf', 'picture', 'curtain', 'cabinet'),
        (('armchair', 0.7), ('sofa chair', 0.4), ('table', 0.5), ('chair', 0.8), ('end table', 0.6), ('lamp', 0.9),
         ('cushion', 1.5), ('plant', 0.5), ('potted plant', 0.3), ('books', 1.5), ('rug', 0.6),
         ('box', 0.3), ('decoration', 0.4), ('shelf', 0.3), *_EVERYWHERE),
        ('piano', 'fireplace', 'ottoman', 'speaker', 'dining table', 'guitar', 'ball', 'stairs', 'music stand',
         'blanket', 'basket', 'candle', 'vase', 'person', 'poster', 'bench', 'fan', 'vacuum cleaner', 'clock',
         'storage container', 'backpack', 'suitcase', 'bicycle', 'coat rack', 'tray', 'purse', 'pillar',
         'stuffed animal'),
    ),
}  # fmt: skip

KINDS = tuple(ROOM_TYPES)
