"""The world of objects: forty classes, each a grammar of styles, proportions, optional parts; meshes, clouds, scans."""
