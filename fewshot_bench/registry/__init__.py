"""Finding the plug-ins."""
