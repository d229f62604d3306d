"""Reading Room as a part of other programs: one file a framework, in that framework's terms."""
