# Types of options: what a value must be, and how several become one.
lib:

let
  showPath = builtins.concatStringsSep ".";

  # One value, however often it is said.
  equal =
    path: values:
    if builtins.all (value: value == builtins.head values) values then
      builtins.head values
    else
      throw "The option `${showPath path}' has conflicting definition values.";

  simple = name: check: {
    inherit name check;
    merge = equal;
  };

  isPackage = value: builtins.isAttrs value && value.type or null == "derivation";
  isAbsolute = value: (builtins.isString value || builtins.isPath value) && lib.hasPrefix "/" (toString value);
  isPlainSet = value: builtins.isAttrs value && !isPackage value;
in
rec {
  bool = simple "boolean" builtins.isBool;
  int = simple "signed integer" builtins.isInt;
  ints.positive = simple "positive integer" (value: builtins.isInt value && value > 0);
  str = simple "string" builtins.isString;
  singleLineStr = simple "single-line string" (
    value: builtins.isString value && builtins.match "[^\n\r]*\n?" value != null
  );
  path = simple "absolute path" (value: isAbsolute value || isPackage value);
  package = simple "package" isPackage;
  shell = simple "shell package or absolute path" (
    value: if isPackage value then value ? shellPath else builtins.isString value && isAbsolute value
  );
  # Whatever it is.
  raw = simple "raw value" (_: true);
  lines = {
    name = "strings concatenated with \"\\n\"";
    check = builtins.isString;
    merge = _: builtins.concatStringsSep "\n";
  };
  listOf = type: {
    name = "list of ${type.name}";
    check = builtins.isList;
    merge =
      path: lists:
      builtins.concatMap (value: if lib.unwrap [ value ] == [ ] then [ ] else [ (lib.mergeDefinitions path type [ value ]) ]) (
        builtins.concatLists lists
      );
  };
  attrsOf = type: {
    name = "attribute set of ${type.name}";
    check = isPlainSet;
    member = type;
    merge =
      path: sets:
      builtins.mapAttrs (name: definitions: lib.mergeDefinitions (path ++ [ name ]) type definitions) (
        lib.filterAttrs (_: definitions: lib.unwrap definitions != [ ]) (
          builtins.zipAttrsWith (_: definitions: definitions) (builtins.concatMap lib.members sets)
        )
      );
  };
  nullOr = type: {
    name = "null or ${type.name}";
    check = value: value == null || type.check value;
    merge =
      path: values: if builtins.all (value: value == null) values then null else lib.mergeDefinitions path type values;
  };
  submodule = module: {
    name = "submodule";
    check = value: isPlainSet value || builtins.isFunction value;
    merge =
      path: values:
      (lib.evalModules {
        modules = [
          module
        ]
        ++ map (
          value: arguments: { config = if builtins.isFunction value then value arguments else value; }
        ) values;
        specialArgs.name = if path == [ ] then "" else builtins.elemAt path (builtins.length path - 1);
        inherit path;
      }).config;
  };
}
