"""WebSockets through a real panolb process: raw frames on both ends, and the ``websockets`` package on both ends."""
