"""The simulated AWS: a loopback endpoint that unmodified AWS clients can talk to.

moto's own server application answers what it does well; `answers/` replaces what moto lacks or gets wrong; `world.py`
lets it live on a simulated clock. Start it with `python -m backends.simulated`. Nothing on the live path imports it.
"""
