"""The commands of `dos-mm3d`, each also a script of tools/: they parse arguments, call the package and print."""
