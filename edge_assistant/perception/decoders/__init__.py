"""Decoders of pictures, documents, sound and video in processes of their own, which have no files and can be killed.

`client` is called as the decoders are; `worker` is what runs in such a process.
"""
