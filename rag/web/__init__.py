"""The web page: a chat whose citations open the page they come from."""
