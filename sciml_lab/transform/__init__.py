"""Program transformation: plain Python in, readable plain Python out."""
