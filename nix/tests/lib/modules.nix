# Modules: options declared, definitions gathered, each option's merged by its type.
lib:

let
  showPath = builtins.concatStringsSep ".";

  isOption = value: value._type or null == "option";

  # A module and what it imports, each as its options and its definitions.
  load =
    arguments: module:
    let
      file = if builtins.isPath module then import module else module;
      body = if builtins.isFunction file then file arguments else file;
      formal = body ? options || body ? config || body ? freeformType;
    in
    [
      {
        options = body.options or { };
        config = if formal then body.config or { } else removeAttrs body [ "imports" ];
        freeform = body.freeformType or null;
      }
    ]
    ++ builtins.concatMap (load arguments) (body.imports or [ ]);

  mergeOptions =
    path: trees:
    builtins.mapAttrs (
      name: found:
      if !builtins.any isOption found then
        mergeOptions (path ++ [ name ]) found
      else if builtins.length found == 1 then
        builtins.head found
      else
        throw "The option `${showPath (path ++ [ name ])}' is declared more than once."
    ) (builtins.zipAttrsWith (_: found: found) trees);

  # The value of an option by all that is said of it.
  evalOption =
    path: option: definitions:
    lib.mergeDefinitions path option.type (
      definitions ++ (if option ? default then [ (lib.mkOptionDefault option.default) ] else [ ])
    );

  evalTree =
    path: tree: freeform: definitions:
    let
      sets = builtins.concatMap lib.members definitions;
      of = name: map (set: set.${name}) (builtins.filter (set: set ? ${name}) sets);
      names = builtins.attrNames (builtins.foldl' (all: set: all // set) { } sets);
      declared = builtins.mapAttrs (
        name: option:
        (if isOption option then evalOption (path ++ [ name ]) option else evalTree (path ++ [ name ]) option freeform) (
          of name
        )
      ) tree;
      other = lib.genAttrs (builtins.filter (name: !(tree ? ${name})) names) (
        name:
        if freeform == null then
          throw "The option `${showPath (path ++ [ name ])}' does not exist."
        else
          lib.mergeDefinitions (path ++ [ name ]) freeform.member (of name)
      );
    in
    declared // other;
in
{
  mkOption = option: option // { _type = "option"; };
  mkEnableOption =
    what:
    lib.mkOption {
      type = lib.types.bool;
      default = false;
      description = "Whether to enable ${what}.";
    };
  mkPackageOption =
    pkgs: name:
    {
      extraDescription ? "",
      pkgsText ? "pkgs",
    }:
    lib.mkOption {
      type = lib.types.package;
      default = pkgs.${name};
      defaultText = lib.literalExpression "${pkgsText}.${name}";
      description = "The ${name} package to use." + (if extraDescription == "" then "" else " ") + extraDescription;
    };
  literalExpression = text: {
    _type = "literalExpression";
    inherit text;
  };

  mergeDefinitions =
    path: type: definitions:
    let
      values = lib.unwrap definitions;
      wrong = builtins.filter (value: !type.check value) values;
    in
    if values == [ ] then
      throw "The option `${showPath path}' was accessed but has no value defined."
    else if wrong != [ ] then
      throw "A definition for option `${showPath path}' is not of type `${type.name}'."
    else
      type.merge path values;

  evalModules =
    {
      modules,
      specialArgs ? { },
      path ? [ ],
    }:
    let
      arguments = specialArgs // {
        inherit lib config;
      };
      loaded = builtins.concatMap (load arguments) modules;
      freeforms = builtins.filter (freeform: freeform != null) (map (module: module.freeform) loaded);
      options = mergeOptions path (map (module: module.options) loaded);
      config = evalTree path options (if freeforms == [ ] then null else builtins.head freeforms) (
        map (module: module.config) loaded
      );
    in
    {
      inherit config options;
    };
}
