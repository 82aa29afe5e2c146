# As much of pkgs as the module and the package need: nothing is built, and a package is its name.
lib:

let
  # A store path that stands for what would be there.
  package =
    name: attributes:
    attributes
    // {
      type = "derivation";
      inherit name;
      outPath = "/nix/store/00000000000000000000000000000000-${name}";
      outputName = "out";
      meta = { mainProgram = name; } // attributes.meta or { };
    };

  # TOML (https://toml.io/en/v1.0.0) by inline tables, of which only the topmost names a line each.
  toml =
    let
      value =
        value:
        if builtins.isAttrs value then
          "{ ${builtins.concatStringsSep ", " (lib.mapAttrsToList (name: of: "${key name} = ${toml of}") value)} }"
        else if builtins.isList value then
          "[${builtins.concatStringsSep ", " (map toml value)}]"
        else
          # A string of JSON is one of TOML, and so are numbers and truth.
          builtins.toJSON value;
      key = builtins.toJSON;
      toml = value;
    in
    set: builtins.concatStringsSep "" (lib.mapAttrsToList (name: of: "${key name} = ${toml of}\n") set);

  # Whatever TOML can hold. Lists add up, and sets are laid over each other.
  tomlValue = {
    name = "TOML value";
    check = value: value != null && !builtins.isFunction value;
    member = tomlValue;
    merge =
      path: values:
      let
        type =
          if builtins.isAttrs (builtins.head values) then
            lib.types.attrsOf tomlValue
          else if builtins.isList (builtins.head values) then
            lib.types.listOf tomlValue
          else
            lib.types.raw;
      in
      type.merge path values;
  };
in
rec {
  stdenv = {
    buildPlatform.canExecute = _: true;
    cc.libc.static = package "glibc-static" { };
    hostPlatform = {
      system = "x86_64-linux";
      isGnu = true;
      rust.cargoShortTarget = "x86_64-unknown-linux-gnu";
    };
  };
  formats.toml = _: {
    type = tomlValue;
    generate = name: value: package name { text = toml value; };
  };
  runCommand =
    name: attributes: script:
    package name (attributes // { inherit script; });
  writeShellScriptBin = name: text: package name { inherit text; };
  mkShell = attributes: attributes;
  callPackage =
    file: arguments:
    let
      function = import file;
    in
    function (builtins.intersectAttrs (builtins.functionArgs function) (everything // { inherit lib; }) // arguments);
  rustPlatform.buildRustPackage = attributes: package attributes.pname (attributes // attributes.passthru or { });
  testers.runNixOSTest = test: package "vm-test" { inherit test; };

  docker = package "docker" { };
  dash = package "dash" { shellPath = "/bin/dash"; };
  clippy = package "clippy" { };
  rustfmt = package "rustfmt" { };
  installShellFiles = package "install-shell-files" { };
  versionCheckHook = package "version-check-hook" { };
  nixfmt-tree = package "treefmt" { };

  everything = {
    inherit
      stdenv
      formats
      runCommand
      rustPlatform
      installShellFiles
      versionCheckHook
      testers
      ;
  };
}
