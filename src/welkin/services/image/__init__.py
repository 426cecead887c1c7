"""Image: disk images and what is known of them (OpenStack image, v2.17).

An *image* is a row; its *data* is a file below the state directory.  Data is *queued*
until it is there, *saving* or *uploading* while it comes, *importing* while Welkin fetches
or checks it, then *active*.  What comes from outside is *inspected* before anybody uses it.
"""
