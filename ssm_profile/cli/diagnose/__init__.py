"""``diagnose``: why Systems Manager does not manage an instance.

:mod:`.aws` reads :mod:`.facts` with the permissions in :mod:`.permissions`. :mod:`.instances`, :mod:`.identity` and
:mod:`.network` are checks over these facts. :mod:`.logs` reads the agent's log and the output of ``ssm-cli
get-diagnostics``. :mod:`.diagnosis` prepares the data for JSON, :mod:`.report` formats it, and :mod:`.command` is the
command.
"""
