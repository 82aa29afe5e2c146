# NixOS: accounts whose keys reach Docker through dockgate, and nothing else. See docs/nixos.md.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  inherit (lib)
    concatStringsSep
    getExe
    literalExpression
    mapAttrs
    mapAttrsToList
    mkEnableOption
    mkIf
    mkMerge
    mkOption
    mkPackageOption
    optionalString
    types
    ;

  cfg = config.services.dockgate;
  docker = config.virtualisation.docker;
  names = builtins.attrNames cfg.users;
  toml = pkgs.formats.toml { };

  # The file of /etc/ssh/authorized_keys.d/NAME is NixOS's own, made of users.users.NAME.openssh.authorizedKeys.
  keyLine =
    label:
    {
      key,
      profile,
      from,
    }:
    let
      command = "${getExe cfg.package} --key ${label}${optionalString (profile != null) " --profile ${profile}"}";
      origin = optionalString (from != [ ]) ",from=\"${concatStringsSep "," from}\"";
      # One of several lines is refused in checks.nix, which says what to do; a type would only refuse.
      line = builtins.replaceStrings [ "\n" "\r" ] [ " " " " ] (import ./trim.nix key);
    in
    "command=\"${command}\",restrict,pty${origin} ${line}";

  keyModule.options = {
    key = mkOption {
      type = types.str;
      example = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f hermes";
      description = "The public key: the one line of a `.pub` file, without options in front; blanks and line ends around it are left out.";
    };
    profile = mkOption {
      type = types.nullOr types.singleLineStr;
      default = null;
      example = "read-only";
      description = ''
        The policy's profile for this key: `default`, `read-only`, `operator`, or one of
        {option}`services.dockgate.settings.profiles`. `null` leaves it to the policy.
      '';
    };
    from = mkOption {
      type = types.listOf types.singleLineStr;
      default = [ ];
      example = [
        "192.0.2.0/24"
        "2001:db8::/32"
      ];
      description = "Addresses, ranges or names that the key may come from, as sshd's `from=` takes them; empty: anywhere.";
    };
  };

  userModule =
    { name, ... }:
    {
      options = {
        keys = mkOption {
          type = types.attrsOf (types.submodule keyModule);
          default = { };
          description = "The account's keys, by the label that stands in every record of theirs.";
        };
        home = mkOption {
          type = types.path;
          default = "/var/lib/dockgate/${name}";
          defaultText = literalExpression ''"/var/lib/dockgate/''${name}"'';
          description = ''
            The account's home and the working directory of its requests. It belongs to root: the account can read it, and
            write nothing there. What you put into it can be named in requests: build contexts, Compose files. What is in
            such a directory already keeps its owner: files of the account's in it stay the account's.
          '';
        };
        uid = mkOption {
          type = types.nullOr types.ints.positive;
          default = null;
          description = "The account's user id; `null` lets NixOS choose.";
        };
        extraGroups = mkOption {
          type = types.listOf types.str;
          default = [ ];
          description = "Groups besides `docker`, to read files of a build context, for instance.";
        };
      };
    };

  proxyModule =
    { name, ... }:
    {
      options = {
        user = mkOption {
          type = types.str;
          default = name;
          description = "The account that may use the socket, and nobody else but root.";
        };
        group = mkOption {
          type = types.nullOr types.str;
          default = null;
          description = "A group that may use the socket, in the place of the account.";
        };
        profile = mkOption {
          type = types.nullOr types.singleLineStr;
          default = null;
          description = "The policy's profile for what comes through the socket.";
        };
        key = mkOption {
          type = types.nullOr types.singleLineStr;
          default = null;
          description = ''
            A label for its records and for what is made through it. A gate behind which the proxy stands gives the labels
            of its own keys, so leave it at `null` there.
          '';
        };
        settings = mkOption {
          type = types.nullOr toml.type;
          default = null;
          description = ''
            A policy of its own, in the place of {option}`services.dockgate.settings`: where that has the proxy's socket for
            its {option}`docker.host`, the most that the account may do.
          '';
        };
      };
    };

  proxies = import ./proxy.nix { inherit lib getExe; };

  # An account whose gate has a proxy for its daemon needs no way to the daemon itself.
  proxied = cfg.settings.docker.host or null != null && lib.hasPrefix "unix:///run/dockgate-proxy/" cfg.settings.docker.host;

  # The account can use it and cannot change it, nor what sshd and the shell look for in it.
  home = name: user: "d ${user.home} 0750 root ${name} -";

  matchBlock = ''
    # dockgate: what the account itself could change has no say.
    Match User ${concatStringsSep "," names}
    ${concatStringsSep "\n" (map (setting: "  ${concatStringsSep " " setting}") (import ./block.nix).settings)}
    Match all
  '';

  # What an administrator runs as one of the accounts is logged, down to what that starts; the accounts run nothing.
  sudoRules = ''
    # dockgate
    Defaults>${concatStringsSep "," names} syslog=authpriv, log_subcmds
    ${concatStringsSep "\n" (map (name: "${name} ALL=(ALL:ALL) !ALL") names)}
  '';

  ours = lib.mkOverride 900;

  sshdUnit = if config.services.openssh.startWhenNeeded or false then "sshd@" else "sshd";

  policy = policyOf "dockgate-policy.toml" cfg.settings;
  policyOf =
    file: settings:
    let
      rendered = toml.generate file settings;
    in
    # Whose file it is can only be seen on the machine itself; there the gate looks.
    if pkgs.stdenv.buildPlatform.canExecute pkgs.stdenv.hostPlatform then
      pkgs.runCommand file { } ''
        ${getExe cfg.package} policy validate - <${rendered}
        cp ${rendered} $out
      ''
    else
      rendered;

  wrapper = lib.hiPrio (
    pkgs.runCommand "dockgate-as-docker" { meta.mainProgram = "docker"; } ''
      mkdir -p $out/bin
      ln -s ${getExe cfg.package} $out/bin/docker
    ''
  );
in
{
  imports = [ ./checks.nix ];

  options.services.dockgate = {
    enable = mkEnableOption "dockgate, a gate between SSH keys and Docker";

    # nixpkgs has none.
    package = mkPackageOption { dockgate = pkgs.callPackage ./package.nix { }; } "dockgate" {
      pkgsText = "(pkgs.extend dockgate.overlays.default)";
      extraDescription = "It is the accounts' login shell, so it must have `passthru.shellPath`.";
    };

    users = mkOption {
      type = types.attrsOf (types.submodule userModule);
      default = { };
      example = literalExpression ''
        {
          ai-worker.keys.hermes.key = builtins.readFile ./hermes.pub;
        }
      '';
      description = "Accounts that reach Docker through dockgate, by name. The module makes them.";
    };

    settings = mkOption {
      type = types.submodule {
        freeformType = toml.type;
        options.docker = {
          program = mkOption {
            type = types.path;
            default = "${docker.package}/bin/docker";
            defaultText = literalExpression ''"''${config.virtualisation.docker.package}/bin/docker"'';
            description = "The docker that is run; its package brings Compose and buildx.";
          };
          config = mkOption {
            type = types.path;
            default = "/etc/dockgate/docker";
            description = "DOCKER_CONFIG: registry credentials. The accounts must not be able to write it.";
          };
        };
      };
      default = { };
      example = literalExpression ''
        {
          host.bind_mounts = [ "/srv/media:ro" ];
          profiles.builder.commands.allowed = [ "ps" "images" "build" "pull" ];
        }
      '';
      description = ''
        The policy, {file}`/etc/dockgate/policy.toml`: docs/policy.md has the keys. It is checked when the system is built.
        It can be read by everybody, so it must not hold secrets.
      '';
    };

    proxies = mkOption {
      type = types.attrsOf (types.submodule proxyModule);
      default = { };
      example = literalExpression ''
        {
          traefik = { profile = "read-only"; };
        }
      '';
      description = ''
        Sockets {file}`/run/dockgate-proxy/NAME.sock` that speak Docker's API, by the policy, for programs of this host; by the
        account that may use each. Such an account need not be in the group `docker`.
      '';
    };

    hardenSshd = mkOption {
      type = types.bool;
      default = true;
      description = ''
        Whether to add a `Match User` block to sshd's configuration: keys only, and only those given here; no forwarding
        or {file}`~/.ssh/rc`; the proven key in every record. Without it sshd also reads keys from the home.
      '';
    };

    liftLogLimit = mkOption {
      type = types.bool;
      default = true;
      description = ''
        Whether journald takes all that sshd's unit logs, and with it the records of gates below that unit. Beyond its limit
        journald drops records, and the gate is not told.
      '';
    };

    sudoAudit = mkOption {
      type = types.bool;
      default = true;
      description = ''
        Whether sudo logs what administrators run as the accounts, and what that starts in turn, and refuses the accounts
        themselves whatever other rules say. Without {option}`security.sudo.enable` it does nothing.
      '';
    };

    wrapper = {
      enable = mkEnableOption ''
        dockgate under the name `docker`, ahead of the real one, for mistakes on a console. It stops nobody who calls the
        real docker by its path'';
      systemWide = mkOption {
        type = types.bool;
        default = true;
        description = "Whether it is `docker` for everybody, administrators included, or in the accounts' own profiles alone.";
      };
    };
  };

  config = mkIf cfg.enable (mkMerge [
    {
      environment.etc."dockgate/policy.toml".source = policy;
      environment.systemPackages = [ cfg.package ] ++ lib.optional (cfg.wrapper.enable && cfg.wrapper.systemWide) wrapper;

      # An entry of the host's own for the account is stronger, so that checks.nix can say what to do about it; what
      # NixOS derives from such an entry is weaker.
      users.users = mapAttrs (name: user: {
        # A system account: no login screen offers it, and nothing of a person's is set up for it.
        isSystemUser = ours true;
        description = lib.mkDefault "Docker through dockgate";
        group = ours name;
        extraGroups = lib.optional (docker.enable && !proxied) "docker" ++ user.extraGroups;
        home = ours user.home;
        uid = mkIf (user.uid != null) (ours user.uid);
        createHome = ours false;
        # No password, and not locked either: sshd without PAM refuses a locked account's keys.
        hashedPassword = ours "*";
        # A shell that reads no start-up file, and judges whatever it is given.
        shell = ours cfg.package;
        packages = lib.optional cfg.wrapper.enable wrapper;
        openssh.authorizedKeys.keys = mapAttrsToList keyLine user.keys;
      }) cfg.users;
      users.groups = mapAttrs (_: _: { }) cfg.users;

      # What the gate keeps for each account is where no other account can be first.
      systemd.tmpfiles.rules =
        mapAttrsToList home cfg.users
        ++ [ "d /run/dockgate 0755 root root -" ]
        ++ mapAttrsToList (name: _: "d /run/dockgate/${name} 0700 ${name} ${name} -") cfg.users;
    }
    {
      systemd.sockets = lib.mapAttrs' (
        name: proxy: lib.nameValuePair "dockgate-proxy-${name}" (proxies.socket name proxy)
      ) cfg.proxies;
      systemd.services = lib.mapAttrs' (
        name: proxy:
        lib.nameValuePair "dockgate-proxy-${name}" (
          proxies.service cfg.package name {
            inherit (proxy) profile key;
            policy = if proxy.settings == null then null else policyOf "dockgate-proxy-${name}.toml" proxy.settings;
          }
        )
      ) cfg.proxies;
    }
    (mkIf (cfg.hardenSshd && names != [ ]) {
      # Last, so that the lines which hold for everybody stay outside of it.
      services.openssh.extraConfig = lib.mkAfter matchBlock;
    })
    (mkIf (cfg.liftLogLimit && names != [ ]) {
      # Of logins that logind gives no scope of their own; of others the limit is services.journald's.
      systemd.services.${sshdUnit}.serviceConfig.LogRateLimitIntervalSec = lib.mkDefault 0;
    })
    (mkIf (cfg.sudoAudit && names != [ ]) {
      # Last, as the last rule that matches is the one that counts.
      security.sudo.extraConfig = lib.mkAfter sudoRules;
    })
  ]);
}
