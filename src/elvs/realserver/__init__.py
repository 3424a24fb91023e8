"""The real server's side: silent VIPs, tunnels, the way back to the director.

request.py (what is asked for) and facts.py (what the machine is like) meet in conditions.py, which
says what must hold, whether it does, and the steps that mend it. steps.py are those steps, each
with its way back; agent.py walks them and remembers them in memory.py. system.py is the kernel.
"""
