# sshd's configuration text as sshd reads it (sshd_config(5)): keywords in any case, in quotes or not, `=` or blanks behind
# them, and what follows a Match for some accounts alone.
{ lib }:

let
  inherit (lib) filter toLower;

  words = text: filter (word: word != "") (lib.splitString " " (builtins.replaceStrings [ "\t" "\"" "\r" ] [ " " "" "" ] text));

  directive =
    line:
    let
      parts = builtins.match "[ \t]*\"?([A-Za-z0-9]+)\"?[ \t=]+(.*)" line;
    in
    if parts == null then
      null
    else
      {
        keyword = toLower (builtins.elemAt parts 0);
        values = words (builtins.elemAt parts 1);
      };

  # A pattern of sshd's, with * and ?, and a list of them, of which some may be denied with a !.
  takes =
    pattern: text:
    builtins.match (builtins.replaceStrings [ "\\*" "\\?" ] [ ".*" "." ] (lib.escapeRegex pattern)) text != null;
  listTakes =
    list: text:
    let
      patterns = lib.splitString "," list;
      denied = filter (pattern: lib.hasPrefix "!" pattern && takes (lib.removePrefix "!" pattern) text) patterns;
      allowed = filter (pattern: !lib.hasPrefix "!" pattern && takes pattern text) patterns;
    in
    denied == [ ] && allowed != [ ];

  # Whether a Match line can hold for an account of this name and these groups: what it says of addresses may hold.
  canMatch =
    criteria: name: groups:
    if criteria == [ ] then
      true
    else
      let
        criterion = toLower (builtins.head criteria);
        parts = builtins.match "([a-z]+)=(.*)" criterion;
        single = builtins.elem criterion [
          "all"
          "canonical"
          "final"
        ];
        kind = if parts == null then criterion else builtins.elemAt parts 0;
        value =
          if parts != null then
            builtins.elemAt parts 1
          else if builtins.length criteria > 1 then
            builtins.elemAt criteria 1
          else
            "";
        rest = lib.drop (if single || parts != null then 1 else 2) criteria;
        holds =
          if kind == "user" then
            listTakes value name
          else if kind == "group" then
            builtins.any (listTakes value) groups
          else
            true;
      in
      holds && canMatch rest name groups;
in
{
  inherit takes canMatch;

  # Every line that says something, with the criteria of the Match above it; `null` above the first.
  # Lines of the block `own` are left out.
  parse =
    own: text:
    (builtins.foldl'
      (
        seen: line:
        let
          said = directive line;
        in
        if said == null then
          seen
        else if said.keyword == "match" then
          seen
          // {
            match = said.values;
            own = said.values == own;
            after = seen.after || said.values == own;
          }
        else if seen.own then
          seen
        else
          seen // { lines = seen.lines ++ [ (said // { inherit (seen) match after; }) ]; }
      )
      {
        match = null;
        own = false;
        # Behind the block `own`.
        after = false;
        lines = [ ];
      }
      (lib.splitString "\n" text)
    ).lines;
}
