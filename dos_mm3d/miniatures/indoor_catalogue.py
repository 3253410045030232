"""What stands in a room: raw categories of ScanNet with shape, mean size, place and colours, and who has which."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from . import indoor_furniture as fur
from . import indoor_props as prop
from .indoor_parts import CLOTH, PLAIN, PRINT, SHINY, WOOD, Rgb, Thing

PALETTES: dict[str, tuple[Rgb, ...]] = {
    'wood': ((0.55, 0.36, 0.2), (0.68, 0.5, 0.32), (0.35, 0.22, 0.13), (0.78, 0.66, 0.48)),
    'white': ((0.9, 0.9, 0.88), (0.82, 0.81, 0.77), (0.93, 0.92, 0.86)),
    'grey': ((0.5, 0.5, 0.52), (0.36, 0.37, 0.4), (0.65, 0.65, 0.66)),
    'dark': ((0.1, 0.1, 0.11), (0.2, 0.2, 0.22), (0.14, 0.15, 0.2)),
    'cloth': ((0.2, 0.3, 0.5), (0.55, 0.2, 0.2), (0.4, 0.42, 0.3), (0.65, 0.6, 0.5), (0.3, 0.3, 0.33)),
    'bright': ((0.8, 0.2, 0.15), (0.15, 0.4, 0.75), (0.9, 0.7, 0.15), (0.2, 0.6, 0.35), (0.85, 0.85, 0.85)),
    'green': ((0.2, 0.45, 0.18), (0.3, 0.5, 0.25)),
    'carton': ((0.66, 0.5, 0.33), (0.72, 0.58, 0.42)),
    'red': ((0.8, 0.08, 0.07),),
}


class Item(NamedTuple):
    """form: fills a Thing; size_m: mean width, depth, height; where: see indoor_layout.PLACES."""

    form: Callable[[Thing, float, float, float, np.random.Generator], None]
    size_m: tuple[float, float, float]
    where: str
    palette: str
    material: int = PLAIN


TABLES = 'table|dining table|coffee table|end table'
DESKS = 'desk|table|dining table'
WORKTOPS = 'kitchen counter|counter|bathroom vanity'
LOW = 'nightstand|dresser|end table|tv stand|desk|shelf|coffee table'
BOARDS = 'bookshelf|shelf|rack|storage organizer|cart'

CATALOGUE: dict[str, Item] = {
    # against a wall
    'bed': Item(fur.bed, (1.5, 2.05, 0.95), 'wall', 'cloth', CLOTH),
    'mattress': Item(fur.block, (0.9, 1.9, 0.22), 'wall', 'white', CLOTH),
    'nightstand': Item(fur.drawers, (0.48, 0.42, 0.58), 'wall', 'wood', WOOD),
    'dresser': Item(fur.drawers, (1.05, 0.48, 0.85), 'wall', 'wood', WOOD),
    'wardrobe': Item(fur.cupboard, (1.1, 0.58, 2.0), 'wall', 'wood', WOOD),
    'closet': Item(fur.cupboard, (1.3, 0.6, 2.1), 'wall', 'white'),
    'cabinet': Item(fur.cupboard, (0.9, 0.42, 1.05), 'wall', 'wood', WOOD),
    'file cabinet': Item(fur.drawers, (0.46, 0.55, 1.1), 'wall', 'grey'),
    'bathroom vanity': Item(fur.cupboard, (0.95, 0.52, 0.82), 'wall', 'white'),
    'kitchen cabinets': Item(fur.cupboard, (1.6, 0.6, 0.87), 'wall', 'wood', WOOD),
    'counter': Item(fur.cupboard, (1.3, 0.55, 0.98), 'wall', 'wood', WOOD),
    'desk': Item(fur.desk, (1.35, 0.7, 0.74), 'wall', 'wood', WOOD),
    'bookshelf': Item(fur.shelves, (0.9, 0.3, 1.85), 'wall', 'wood', WOOD),
    'shelf': Item(fur.shelves, (0.8, 0.3, 1.1), 'wall', 'white'),
    'rack': Item(fur.rack, (0.7, 0.36, 1.2), 'wall', 'grey'),
    'storage organizer': Item(fur.rack, (0.6, 0.35, 0.9), 'wall', 'white'),
    'couch': Item(fur.sofa, (2.0, 0.9, 0.82), 'wall', 'cloth', CLOTH),
    'tv stand': Item(fur.cupboard, (1.3, 0.42, 0.5), 'wall', 'wood', WOOD),
    'refrigerator': Item(fur.fridge, (0.75, 0.7, 1.75), 'wall', 'white'),
    'mini fridge': Item(fur.fridge, (0.5, 0.52, 0.85), 'wall', 'white'),
    'stove': Item(fur.stove, (0.7, 0.63, 0.9), 'wall', 'white'),
    'oven': Item(fur.stove, (0.6, 0.6, 0.9), 'wall', 'grey'),
    'dishwasher': Item(fur.washer, (0.6, 0.6, 0.85), 'wall', 'grey'),
    'washing machine': Item(fur.washer, (0.62, 0.6, 0.87), 'wall', 'white'),
    'clothes dryer': Item(fur.washer, (0.64, 0.62, 0.9), 'wall', 'white'),
    'toilet': Item(fur.toilet, (0.44, 0.7, 0.76), 'wall', 'white'),
    'bathtub': Item(fur.tub, (1.55, 0.75, 0.52), 'wall', 'white'),
    'shower': Item(fur.stall, (0.9, 0.85, 1.95), 'wall', 'white', SHINY),
    'bathroom stall': Item(fur.stall, (0.95, 1.1, 1.9), 'wall', 'grey'),
    'piano': Item(fur.piano, (1.4, 0.6, 1.2), 'wall', 'dark'),
    'keyboard piano': Item(prop.board, (1.2, 0.32, 0.8), 'wall', 'dark'),
    'fireplace': Item(fur.fireplace, (1.3, 0.35, 1.15), 'wall', 'grey'),
    'copier': Item(prop.appliance, (0.65, 0.6, 1.05), 'wall', 'white'),
    'machine': Item(prop.appliance, (0.6, 0.5, 0.9), 'wall', 'grey'),
    'water cooler': Item(prop.cooler, (0.33, 0.34, 1.3), 'wall', 'bright'),
    'radiator': Item(prop.fins, (0.9, 0.12, 0.6), 'wall', 'white'),
    'ladder': Item(prop.ladder, (0.42, 0.1, 1.7), 'wall', 'grey'),
    'stairs': Item(fur.stairs, (0.9, 0.9, 0.72), 'wall', 'wood', WOOD),
    'guitar': Item(prop.guitar, (0.38, 0.12, 1.0), 'wall', 'wood', WOOD),
    'guitar case': Item(fur.block, (0.42, 0.16, 1.1), 'wall', 'dark'),
    'bicycle': Item(prop.bicycle, (1.65, 0.45, 1.0), 'wall', 'bright'),
    'broom': Item(prop.stick, (0.3, 0.08, 1.3), 'wall', 'bright'),
    'vacuum cleaner': Item(prop.stick, (0.3, 0.32, 1.0), 'wall', 'red'),
    'plunger': Item(prop.stick, (0.14, 0.14, 0.5), 'wall', 'red'),
    'mirror': Item(prop.panel, (0.6, 0.04, 1.3), 'hang 0.4', 'grey', SHINY),
    'pillar': Item(fur.block, (0.35, 0.3, 2.3), 'wall', 'white'),
    'column': Item(prop.pole, (0.32, 0.32, 2.3), 'wall', 'white'),
    'pipe': Item(prop.pole, (0.1, 0.1, 2.2), 'wall', 'grey'),
    'divider': Item(fur.block, (1.0, 0.06, 1.5), 'floor', 'grey', CLOTH),
    'laundry hamper': Item(prop.can, (0.42, 0.42, 0.6), 'wall', 'white'),
    'laundry basket': Item(fur.tray, (0.6, 0.42, 0.32), 'wall', 'white'),
    'ironing board': Item(prop.board, (1.25, 0.36, 0.88), 'floor', 'cloth', CLOTH),
    'suitcase': Item(prop.case, (0.45, 0.27, 0.85), 'wall', 'bright'),
    'luggage': Item(prop.case, (0.5, 0.3, 0.95), 'wall', 'dark'),
    'coat rack': Item(prop.tree, (0.5, 0.5, 1.65), 'wall', 'dark'),
    'music stand': Item(prop.tree, (0.45, 0.45, 1.15), 'floor', 'dark'),
    'fan': Item(prop.fan, (0.42, 0.42, 1.1), 'wall', 'white'),
    'potted plant': Item(prop.plant, (0.6, 0.6, 1.1), 'wall', 'green'),
    'trash can': Item(prop.can, (0.3, 0.3, 0.4), 'wall', 'dark'),
    'recycling bin': Item(prop.can, (0.36, 0.36, 0.55), 'wall', 'bright'),
    'trash bin': Item(prop.can, (0.32, 0.32, 0.6), 'wall', 'grey'),
    'bin': Item(fur.tray, (0.4, 0.3, 0.3), 'wall', 'bright'),
    'storage bin': Item(prop.print_box, (0.5, 0.38, 0.3), 'wall', 'bright'),
    'box': Item(prop.print_box, (0.42, 0.34, 0.32), 'wall', 'carton'),
    'crate': Item(fur.tray, (0.45, 0.34, 0.28), 'wall', 'wood', WOOD),
    'case of water bottles': Item(prop.print_box, (0.4, 0.27, 0.22), 'wall', 'bright'),
    'paper bag': Item(fur.block, (0.28, 0.18, 0.38), 'wall', 'carton'),
    'bucket': Item(prop.can, (0.3, 0.3, 0.3), 'wall', 'bright'),
    'computer tower': Item(prop.appliance, (0.2, 0.45, 0.43), 'wall', 'dark'),
    'scale': Item(prop.plate, (0.32, 0.32, 0.05), 'wall', 'white'),
    'shoes': Item(prop.shoes, (0.26, 0.3, 0.13), 'wall', 'dark'),
    'backpack': Item(prop.bag, (0.33, 0.24, 0.48), 'wall', 'bright', CLOTH),
    'fire extinguisher': Item(prop.bottle, (0.16, 0.16, 0.5), 'wall', 'red'),
    'person': Item(prop.person, (0.5, 0.35, 1.7), 'floor', 'cloth', CLOTH),
    # free on the floor
    'table': Item(fur.table, (1.3, 0.8, 0.74), 'floor', 'wood', WOOD),
    'dining table': Item(fur.table, (1.35, 0.85, 0.75), 'floor', 'wood', WOOD),
    'coffee table': Item(fur.table, (1.0, 0.55, 0.42), 'floor', 'wood', WOOD),
    'end table': Item(fur.round_table, (0.5, 0.5, 0.55), 'wall', 'wood', WOOD),
    'armchair': Item(fur.sofa, (0.85, 0.85, 0.85), 'floor', 'cloth', CLOTH),
    'sofa chair': Item(fur.sofa, (0.95, 0.9, 0.85), 'floor', 'cloth', CLOTH),
    'ottoman': Item(fur.block, (0.55, 0.5, 0.4), 'floor', 'cloth', CLOTH),
    'bench': Item(fur.bench, (1.1, 0.36, 0.46), 'wall', 'wood', WOOD),
    'stool': Item(fur.stool, (0.36, 0.36, 0.6), 'floor', 'wood', WOOD),
    'cart': Item(fur.rack, (0.6, 0.42, 0.85), 'floor', 'grey'),
    'ball': Item(prop.pillow, (0.4, 0.4, 0.4), 'floor', 'bright'),
    'dumbbell': Item(prop.dumbbell, (0.3, 0.13, 0.13), 'floor', 'dark'),
    'office chair': Item(fur.swivel_chair, (0.6, 0.6, 1.0), f'at {DESKS}', 'dark', CLOTH),
    'chair': Item(fur.chair, (0.45, 0.46, 0.9), f'at {DESKS}', 'wood', WOOD),
    'folded chair': Item(fur.block, (0.45, 0.08, 0.85), 'wall', 'grey'),
    'rug': Item(prop.plate, (1.7, 1.2, 0.012), 'spread', 'cloth', PRINT),
    'mat': Item(prop.plate, (0.75, 0.48, 0.015), 'spread', 'cloth', CLOTH),
    # upon something, before something, above something
    'kitchen counter': Item(fur.block, (1.62, 0.62, 0.04), 'cover kitchen cabinets', 'grey'),
    'shower curtain': Item(prop.drape, (0.85, 0.1, 1.75), 'veil bathtub', 'cloth', CLOTH),
    'shower curtain rod': Item(prop.rod, (1.5, 0.08, 0.04), 'veil bathtub', 'grey'),
    'range hood': Item(fur.block, (0.7, 0.45, 0.2), 'above stove 1.55', 'grey'),
    'sink': Item(fur.basin, (0.52, 0.42, 0.14), f'on {WORKTOPS}', 'white'),
    'pillow': Item(prop.pillow, (0.58, 0.4, 0.16), 'back bed|mattress', 'white', CLOTH),
    'blanket': Item(fur.block, (0.8, 0.5, 0.08), 'front bed|couch', 'cloth', CLOTH),
    'cushion': Item(prop.pillow, (0.42, 0.2, 0.36), 'back couch|sofa chair|armchair', 'bright', CLOTH),
    'stuffed animal': Item(prop.soft, (0.24, 0.2, 0.34), 'on bed|couch|shelf', 'cloth', CLOTH),
    'monitor': Item(prop.screen, (0.53, 0.18, 0.44), f'back {DESKS}', 'dark'),
    'tv': Item(prop.screen, (0.95, 0.2, 0.62), 'on tv stand|dresser', 'dark'),
    'laptop': Item(prop.laptop, (0.34, 0.25, 0.24), f'front {DESKS}', 'dark'),
    'keyboard': Item(prop.plate, (0.44, 0.15, 0.03), 'front desk', 'dark'),
    'mouse': Item(prop.pillow, (0.07, 0.11, 0.045), 'front desk', 'dark'),
    'telephone': Item(prop.appliance, (0.2, 0.2, 0.09), 'on desk', 'dark'),
    'printer': Item(prop.appliance, (0.42, 0.36, 0.24), 'on desk|table|file cabinet|cabinet', 'white'),
    'paper cutter': Item(prop.plate, (0.4, 0.32, 0.06), 'on table|desk|cabinet', 'grey'),
    'projector': Item(prop.appliance, (0.3, 0.24, 0.1), f'on {DESKS}', 'white'),
    'speaker': Item(fur.block, (0.18, 0.2, 0.3), f'on {LOW}|cabinet', 'dark'),
    'headphones': Item(prop.disc, (0.18, 0.18, 0.07), 'on desk', 'dark'),
    'power strip': Item(prop.plate, (0.3, 0.06, 0.05), 'wall', 'white'),
    'paper': Item(prop.plate, (0.25, 0.32, 0.02), f'on {DESKS}', 'white'),
    'books': Item(prop.books, (0.34, 0.2, 0.25), f'back {BOARDS}|desk', 'bright'),
    'cd case': Item(prop.plate, (0.2, 0.15, 0.06), f'on {LOW}|{BOARDS}', 'bright'),
    'storage container': Item(fur.block, (0.26, 0.18, 0.15), f'on {BOARDS}|dresser', 'bright'),
    'container': Item(fur.block, (0.18, 0.16, 0.13), f'on {WORKTOPS}|{BOARDS}', 'white'),
    'basket': Item(fur.tray, (0.3, 0.22, 0.16), f'on {BOARDS}|{LOW}', 'carton'),
    'tray': Item(fur.tray, (0.42, 0.3, 0.04), f'on {TABLES}|kitchen counter', 'wood', WOOD),
    'plate': Item(prop.disc, (0.25, 0.25, 0.025), f'on {TABLES}|kitchen counter', 'white'),
    'bowl': Item(prop.can, (0.2, 0.2, 0.09), f'on {TABLES}|kitchen counter', 'bright'),
    'cup': Item(prop.can, (0.09, 0.09, 0.11), f'on {TABLES}|desk|kitchen counter', 'bright'),
    'bottle': Item(prop.bottle, (0.09, 0.09, 0.27), f'on {TABLES}|{WORKTOPS}|{LOW}', 'green'),
    'water bottle': Item(prop.bottle, (0.08, 0.08, 0.24), f'on {DESKS}|{LOW}', 'bright'),
    'water pitcher': Item(prop.jug, (0.17, 0.17, 0.26), f'on {TABLES}|kitchen counter', 'white'),
    'coffee kettle': Item(prop.jug, (0.18, 0.18, 0.22), 'on kitchen counter|counter|stove', 'grey'),
    'coffee maker': Item(prop.appliance, (0.24, 0.26, 0.36), 'on kitchen counter|counter', 'dark'),
    'microwave': Item(prop.appliance, (0.5, 0.36, 0.29), 'on kitchen counter|counter|mini fridge', 'white'),
    'toaster': Item(prop.appliance, (0.28, 0.19, 0.2), 'on kitchen counter|counter', 'grey'),
    'toaster oven': Item(prop.appliance, (0.42, 0.3, 0.25), 'on kitchen counter|counter', 'dark'),
    'dish rack': Item(prop.fins, (0.42, 0.32, 0.14), 'on kitchen counter', 'grey'),
    'paper towel roll': Item(prop.can, (0.13, 0.13, 0.27), 'on kitchen counter|counter', 'white'),
    'soap dispenser': Item(prop.bottle, (0.08, 0.08, 0.18), 'on bathroom vanity|kitchen counter', 'white'),
    'soap dish': Item(fur.tray, (0.14, 0.1, 0.03), 'on bathroom vanity', 'white'),
    'hair dryer': Item(prop.jug, (0.15, 0.1, 0.2), 'on bathroom vanity', 'dark'),
    'laundry detergent': Item(prop.jug, (0.2, 0.12, 0.28), 'on washing machine|clothes dryer', 'bright'),
    'toilet paper': Item(prop.can, (0.12, 0.12, 0.11), 'on bathroom vanity|shelf', 'white'),
    'tissue box': Item(prop.print_box, (0.23, 0.12, 0.1), f'on {LOW}', 'white'),
    'lamp': Item(prop.lamp, (0.32, 0.32, 0.5), f'on {LOW}', 'white'),
    'candle': Item(prop.can, (0.08, 0.08, 0.12), f'on {LOW}|dining table', 'white'),
    'alarm clock': Item(prop.appliance, (0.16, 0.08, 0.1), 'on nightstand|dresser', 'dark'),
    'decoration': Item(prop.soft, (0.2, 0.14, 0.3), f'on {LOW}|fireplace', 'bright'),
    'plant': Item(prop.plant, (0.36, 0.36, 0.5), f'on {LOW}|kitchen counter', 'green'),
    'globe': Item(prop.pillow, (0.28, 0.28, 0.3), 'on desk|shelf|dresser', 'bright'),
    'vase': Item(prop.bottle, (0.15, 0.15, 0.3), f'on {TABLES}|dresser', 'bright'),
    'hat': Item(prop.pillow, (0.3, 0.26, 0.14), 'on bed|dresser|chair', 'cloth', CLOTH),
    'purse': Item(prop.bag, (0.3, 0.15, 0.26), 'on chair|couch|bench', 'dark', CLOTH),
    'bag': Item(prop.bag, (0.36, 0.2, 0.32), 'on chair|couch|bench|bed', 'bright', CLOTH),
    # on the wall or below the ceiling
    'kitchen cabinet': Item(fur.cupboard, (1.2, 0.34, 0.65), 'hang 1.5', 'wood', WOOD),
    'bathroom cabinet': Item(fur.cupboard, (0.5, 0.16, 0.6), 'hang 1.3', 'white'),
    'picture': Item(prop.panel, (0.62, 0.035, 0.5), 'hang 1.35', 'bright', PRINT),
    'poster': Item(prop.panel, (0.6, 0.02, 0.85), 'hang 1.1', 'bright', PRINT),
    'calendar': Item(prop.panel, (0.3, 0.02, 0.42), 'hang 1.3', 'white', PRINT),
    'sign': Item(prop.panel, (0.3, 0.02, 0.2), 'hang 1.5', 'bright'),
    'whiteboard': Item(prop.panel, (1.6, 0.04, 1.0), 'hang 0.95', 'white'),
    'blackboard': Item(prop.panel, (1.7, 0.04, 1.0), 'hang 0.95', 'dark'),
    'bulletin board': Item(prop.panel, (1.0, 0.03, 0.75), 'hang 1.1', 'carton', PRINT),
    'projector screen': Item(prop.panel, (1.6, 0.05, 1.2), 'hang 0.95', 'white'),
    'clock': Item(prop.dial, (0.3, 0.05, 0.3), 'hang 1.85', 'white'),
    'fire alarm': Item(prop.dial, (0.12, 0.05, 0.12), 'hang 1.9', 'red'),
    'light switch': Item(prop.plate, (0.1, 0.02, 0.13), 'hang 1.15', 'white'),
    'power outlet': Item(prop.plate, (0.1, 0.02, 0.12), 'hang 0.3', 'white'),
    'vent': Item(prop.plate, (0.4, 0.03, 0.2), 'hang 2.0', 'grey'),
    'towel': Item(prop.drape, (0.42, 0.08, 0.62), 'hang 0.9', 'cloth', CLOTH),
    'jacket': Item(prop.drape, (0.48, 0.16, 0.8), 'hang 0.85', 'cloth', CLOTH),
    'clothes': Item(prop.drape, (0.7, 0.2, 0.9), 'hang 0.8', 'cloth', CLOTH),
    'toilet paper holder': Item(prop.dial, (0.14, 0.1, 0.14), 'hang 0.65', 'white'),
    'toilet paper dispenser': Item(prop.dial, (0.3, 0.13, 0.3), 'hang 0.7', 'dark'),
    'toilet seat cover dispenser': Item(prop.plate, (0.38, 0.05, 0.28), 'hang 1.2', 'grey'),
    'paper towel dispenser': Item(prop.appliance, (0.3, 0.22, 0.38), 'hang 1.15', 'grey'),
    'handicap bar': Item(prop.rod, (0.8, 0.09, 0.05), 'hang 0.8', 'grey'),
    'rail': Item(prop.rod, (1.4, 0.09, 0.05), 'hang 0.9', 'wood', WOOD),
    'shower head': Item(prop.rod, (0.14, 0.25, 0.1), 'hang 1.9', 'grey'),
    'ledge': Item(fur.block, (1.2, 0.14, 0.05), 'hang 1.0', 'white'),
    'ceiling light': Item(prop.disc, (0.5, 0.5, 0.12), 'ceiling', 'white'),
    # at the windows and doors: placed by indoor_room.py
    'curtain': Item(prop.drape, (0.55, 0.12, 2.0), 'opening', 'cloth', CLOTH),
    'blinds': Item(prop.blinds, (1.0, 0.06, 0.7), 'opening', 'white'),
    'windowsill': Item(fur.block, (1.2, 0.16, 0.035), 'opening', 'white'),
    'window': Item(prop.pane, (1.2, 0.09, 1.2), 'opening', 'white'),
    'door': Item(prop.leaf, (0.85, 0.05, 2.02), 'opening', 'wood', WOOD),
    'closet door': Item(prop.leaf, (0.85, 0.05, 2.02), 'opening', 'white'),
    'doorframe': Item(prop.frame, (0.97, 0.13, 2.08), 'opening', 'white'),
}


def make(name: str, rng: np.random.Generator, size_m: tuple[float, ...] | None = None) -> Thing:
    """A thing of a raw category, its size drawn around the mean (7 %), or as given."""
    item = CATALOGUE[name]
    size = np.array(item.size_m if size_m is None else size_m)
    if size_m is None:
        size = size * (1.0 + 0.07 * np.clip(rng.standard_normal(3), -2.0, 2.0))
    colours = PALETTES[item.palette]
    paint = np.clip(np.array(colours[rng.integers(len(colours))]) * rng.uniform(0.85, 1.1), 0.03, 0.97)
    thing = Thing(name, size, tuple(paint), item.material)
    item.form(thing, *(float(value) for value in size), rng)
    return thing
