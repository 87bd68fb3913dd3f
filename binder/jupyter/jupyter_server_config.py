"""Settings of the Jupyter server, the same for `make lab` and on Binder."""

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class PromptConnection(ZMQChannelsWebsocketConnection):
    """A kernel connection that sends small messages at once.

    A slider's answer is a handful of small messages. By default the operating system holds each
    back until the last one is acknowledged (Nagle's algorithm), about 40 ms a move.
    """

    def connect(self):
        """Switch the waiting off, then connect as usual."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()


c = get_config()  # noqa: F821, provided by Jupyter
c.ServerApp.kernel_websocket_connection_class = PromptConnection
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"  # the lab works offline
