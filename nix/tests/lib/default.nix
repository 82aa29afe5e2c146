# As much of nixpkgs' lib as the module needs, for tests where there is no nixpkgs. The names and what they do are
# those of nixpkgs; what is not here, the module must not use, or the tests say so.
let
  lib =
    import ./properties.nix lib
    // import ./modules.nix lib
    // {
      inherit (builtins) concatStringsSep filter mapAttrs;
      types = import ./types.nix lib;

      # Strings.
      hasPrefix = prefix: text: builtins.substring 0 (builtins.stringLength prefix) text == prefix;
      hasSuffix = suffix: text: lib.removeSuffix suffix text != text || suffix == "";
      removePrefix =
        prefix: text:
        if lib.hasPrefix prefix text then builtins.substring (builtins.stringLength prefix) (-1) text else text;
      # Of digits, as fromJSON has them.
      toInt = text: builtins.fromJSON text;
      hasInfix = part: text: builtins.length (lib.splitString part text) > 1;
      removeSuffix =
        suffix: text:
        let
          length = builtins.stringLength text - builtins.stringLength suffix;
        in
        if length >= 0 && builtins.substring length (-1) text == suffix then builtins.substring 0 length text else text;
      splitString =
        separator: text: builtins.filter builtins.isString (builtins.split (lib.escapeRegex separator) text);
      characters = text: builtins.genList (at: builtins.substring at 1 text) (builtins.stringLength text);
      escapeRegex =
        let
          special = lib.characters "\\[{()^$?*+|.";
        in
        builtins.replaceStrings special (map (character: "\\" + character) special);
      toLower = builtins.replaceStrings (lib.characters "ABCDEFGHIJKLMNOPQRSTUVWXYZ") (
        lib.characters "abcdefghijklmnopqrstuvwxyz"
      );
      optionalString = condition: text: if condition then text else "";

      # Lists and sets.
      optional = condition: value: if condition then [ value ] else [ ];
      unique = builtins.foldl' (seen: item: if builtins.elem item seen then seen else seen ++ [ item ]) [ ];
      last = list: builtins.elemAt list (builtins.length list - 1);
      drop = count: list: builtins.genList (at: builtins.elemAt list (at + count)) (
        if builtins.length list > count then builtins.length list - count else 0
      );
      toList = value: if builtins.isList value then value else [ value ];
      optionalAttrs = condition: set: if condition then set else { };
      filterAttrs =
        keep: set:
        builtins.listToAttrs (
          builtins.concatMap (
            name:
            lib.optional (keep name set.${name}) {
              inherit name;
              value = set.${name};
            }
          ) (builtins.attrNames set)
        );
      optionals = condition: values: if condition then values else [ ];
      nameValuePair = name: value: { inherit name value; };
      mapAttrs' =
        function: set: builtins.listToAttrs (map (name: function name set.${name}) (builtins.attrNames set));
      mapAttrsToList = function: set: map (name: function name set.${name}) (builtins.attrNames set);
      genAttrs =
        names: function:
        builtins.listToAttrs (
          map (name: {
            inherit name;
            value = function name;
          }) names
        );

      # Packages and files.
      getExe = package: "${package}/bin/${package.meta.mainProgram}";
      hiPrio = package: package // { meta = package.meta or { } // { priority = -10; }; };
      importTOML = file: builtins.fromTOML (builtins.readFile file);
      licenses.mit = "MIT";
      platforms.linux = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      fileset = {
        unions = files: files;
        toSource = { root, fileset }: { inherit root fileset; };
      };
    };
in
lib
