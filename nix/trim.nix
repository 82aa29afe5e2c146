# A text without the blanks and line ends around it, which a .pub file and an editor leave.
text:
let
  parts = builtins.match "[ \t\r\n]*(.*[^ \t\r\n])[ \t\r\n]*" text;
in
if parts == null then "" else builtins.head parts
