"""Publishes models so that readers of the folder find only complete versions.

On a disk (`local_folder.py`) the versions are integer-named folders, which TF Serving polls; a version appears by one
rename. Object stores can't rename folders, so there (`object_store.py`) one small object names the version to serve.
"""
