"""Publishes models so that readers of the folder only ever find complete versions.

On a disk (`local_folder.py`) the versions are integer-named folders, polled by TF Serving. Each appears by one rename.
Object stores can't rename folders: there (`object_store.py`) one small object names the version to serve.
"""
