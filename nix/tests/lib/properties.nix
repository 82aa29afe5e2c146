# What a definition can be wrapped in (nixpkgs' mkIf, mkMerge, mkForce, mkAfter and so on), and its unwrapping.
lib:

let
  is = type: value: builtins.isAttrs value && value._type or null == type;

  # Without mkMerge, and without what an mkIf leaves out.
  chosen =
    value:
    if is "merge" value then
      builtins.concatMap chosen value.contents
    else if is "if" value then
      (if value.condition then chosen value.content else [ ])
    else
      [ value ];

  priority = value: if is "override" value then value.priority else 100;
  order = value: if is "order" value then value.order else 1000;
in
rec {
  mkOverride = priority: content: {
    _type = "override";
    inherit priority content;
  };
  mkForce = mkOverride 50;
  mkDefault = mkOverride 1000;
  mkOptionDefault = mkOverride 1500;
  mkIf = condition: content: {
    _type = "if";
    inherit condition content;
  };
  mkMerge = contents: {
    _type = "merge";
    inherit contents;
  };
  mkOrder = order: content: {
    _type = "order";
    inherit order content;
  };
  mkBefore = mkOrder 500;
  mkAfter = mkOrder 1500;

  # The values of all definitions of an option that count, in their order.
  unwrap =
    definitions:
    let
      all = builtins.concatMap chosen definitions;
      strongest = builtins.foldl' (least: value: if priority value < least then priority value else least) 9999 all;
      strong = map (value: if is "override" value then value.content else value) (
        builtins.filter (value: priority value == strongest) all
      );
      sorted = builtins.sort (a: b: order a < order b) strong;
    in
    map (value: if is "order" value then value.content else value) sorted;

  # A definition of a set as definitions of its members: what wraps the set then wraps each member, so that the
  # names are known before any condition is.
  members =
    value:
    let
      wrapping = wrap: map (builtins.mapAttrs (_: wrap)) (members value.content);
    in
    if is "merge" value then
      builtins.concatMap members value.contents
    else if is "if" value then
      wrapping (mkIf value.condition)
    else if is "override" value then
      wrapping (mkOverride value.priority)
    else
      [ value ];
}
