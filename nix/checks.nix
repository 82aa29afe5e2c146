# What has to hold for the accounts of module.nix, with what to do about it. A failed one stops the build of a system.
{ config, lib, ... }:

let
  inherit (lib) concatStringsSep filter mapAttrsToList;

  cfg = config.services.dockgate;
  sshd = config.services.openssh;
  names = builtins.attrNames cfg.users;

  matches = pattern: text: builtins.match pattern text != null;

  # `check condition where what fix`
  check = assertion: where: what: fix: {
    inherit assertion;
    message = "services.dockgate${where}: ${what}. ${fix}.";
  };

  # The words of --key and --profile, as src/cli.rs takes them.
  isLabel = matches "[A-Za-z0-9._@-]{1,64}";

  # Each type of key with how its base64 begins: its own name, with the name's length in front (RFC 4253, section 6.6).
  keyTypes = [
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5"
    "ssh-rsa AAAAB3NzaC1yc2E"
    "ecdsa-sha2-nistp(256|384|521) AAAAE2VjZHNhLXNoYTItbmlzdHA"
    "sk-ssh-ed25519@openssh[.]com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t"
    "sk-ecdsa-sha2-nistp256@openssh[.]com AAAAInNrLWVjZHNhLXNoYTItbmlzdHAyNTZAb3BlbnNzaC5jb20"
  ];
  publicKey = "(${concatStringsSep "|" keyTypes})[A-Za-z0-9+/]+={0,2}( .*)?";

  profiles = [
    "default"
    "read-only"
    "operator"
  ]
  ++ builtins.attrNames (cfg.settings.profiles or { });

  keyChecks =
    name: label:
    {
      key,
      profile,
      from,
    }:
    let
      where = ".users.${name}.keys.${label}";
      line = lib.removeSuffix "\n" key;
      single = !(lib.hasInfix "\n" line || lib.hasInfix "\r" line);
      withOptions = matches ".+[ \",](${concatStringsSep "|" keyTypes}).*" line;
    in
    [
      (check (isLabel label) where "the label does not fit into a key's line"
        "Use 1 to 64 of a-z A-Z 0-9 - _ . @"
      )
      (check single where "the key has more than one line" "Give every key a label of its own")
      (check (!single || !withOptions) where "the key brings options of its own"
        "Give the bare key, as a .pub file has it; the module writes command= and restrict, and `from` and `profile` are options here"
      )
      (check (!single || withOptions || matches publicKey line) where "this is not a public key that sshd takes"
        "Give the one line of a .pub file (ssh-keygen -y -f KEY prints it), ssh-ed25519 for instance"
      )
      (check (profile == null || builtins.elem profile profiles) where
        "there is no profile \"${toString profile}\""
        "Use one of ${concatStringsSep ", " profiles}, or define it in services.dockgate.settings.profiles"
      )
      (check (profile == null || isLabel profile) where "the profile's name does not fit into a key's line"
        "Use 1 to 64 of a-z A-Z 0-9 - _ . @"
      )
      (check (builtins.all (matches "!?[A-Za-z0-9.:/*?_-]+") from) where
        "from has an entry that is no address, range or name"
        "Use entries such as 192.0.2.0/24, one to a string"
      )
    ];

  powerful = [
    "wheel"
    "root"
    "disk"
    "kmem"
    "shadow"
  ];

  userChecks =
    name: user:
    let
      where = ".users.${name}";
      account = config.users.users.${name};
      own = "command=\"${lib.getExe cfg.package} --key ";
      groups = filter (
        group:
        builtins.elem group account.extraGroups || builtins.elem name (config.users.groups.${group}.members or [ ])
      ) powerful;
    in
    [
      (check (matches "[a-z_][a-z0-9_-]{0,30}" name && name != "root") where "this is no name for such an account"
        "Use up to 31 of a-z 0-9 _ -, beginning with a letter, and not root"
      )
      (check (user.keys != { }) where "there are no keys, so nobody can log in"
        "Add services.dockgate.users.${name}.keys.LABEL.key, or remove the account"
      )
      (check (matches "(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+" user.home) where
        "the home \"${user.home}\" is not an absolute path of plain names"
        "Leave it out, or use a path such as /srv/${name}"
      )
      (check (groups == [ ]) where "the account is in ${concatStringsSep ", " groups}, which is root by another way"
        "Take it out of users.users.${name}.extraGroups and users.groups"
      )
      (check (account.shell == cfg.package) where
        "the account has another shell, which would serve whatever gets past the forced command"
        "Remove users.users.${name}.shell"
      )
      (check
        (
          account.openssh.authorizedKeys.keyFiles == [ ]
          && builtins.all (lib.hasPrefix own) account.openssh.authorizedKeys.keys
        )
        where
        "users.users.${name}.openssh.authorizedKeys has keys beside those given here"
        "Move them to services.dockgate.users.${name}.keys"
      )
    ]
    ++ builtins.concatLists (mapAttrsToList (keyChecks name) user.keys);

  # sshd_config(5): keywords in any case, `=` or spaces, what follows a Match holds for some.
  words = text: filter (word: word != "") (lib.splitString " " text);
  directive =
    line:
    let
      parts = builtins.match "[ \t]*([A-Za-z0-9]+)[ \t=]+(.*)" line;
    in
    {
      keyword = if parts == null then "" else lib.toLower (builtins.elemAt parts 0);
      values = if parts == null then [ ] else words (builtins.replaceStrings [ "\t" "\"" ] [ " " "" ] (builtins.elemAt parts 1));
    };
  lines =
    (builtins.foldl'
      (
        seen: text:
        let
          line = directive text;
        in
        if seen.own || text == "Match User ${concatStringsSep "," names}" then
          seen // { own = true; }
        else if seen.others || line.keyword == "match" then
          seen // { others = true; }
        else
          seen // { global = seen.global ++ [ line ]; }
      )
      {
        own = false;
        others = false;
        global = [ ];
      }
      (lib.splitString "\n" sshd.extraConfig)
    );
  globally =
    keyword: setting:
    let
      value = sshd.settings.${setting} or null;
      set = if value == null then [ ] else lib.toList value;
      text = value: if builtins.isBool value then (if value then "yes" else "no") else toString value;
    in
    builtins.concatMap (value: words (text value)) set
    ++ builtins.concatMap (line: line.values) (filter (line: line.keyword == keyword) lines.global);

  # A pattern of sshd's, with * and ?.
  takes =
    pattern: builtins.match (builtins.replaceStrings [ "\\*" "\\?" ] [ ".*" "." ] (lib.escapeRegex pattern));
  # What the gate, or the loader before it, believes of sshd.
  ofSshd = [
    "LD_PRELOAD"
    "LD_LIBRARY_PATH"
    "LD_AUDIT"
    "SSH_ORIGINAL_COMMAND"
    "SSH_USER_AUTH"
    "SSH_CONNECTION"
  ];
  accepted = filter (pattern: builtins.any (name: takes pattern name != null) ofSshd) (globally "acceptenv" "AcceptEnv");

  # Docker elsewhere needs none here.
  localDocker = builtins.elem (cfg.settings.docker.host or "unix:///var/run/docker.sock") [
    "unix:///var/run/docker.sock"
    "unix:///run/docker.sock"
  ];

  allowed = sshd.settings.AllowUsers or null;
  # Patterns are left to whoever writes them.
  shutOut = filter (
    name: allowed != null && !builtins.any (entry: entry == name || matches ".*[*?@].*" entry) allowed
  ) names;
  labels = builtins.concatMap (user: builtins.attrNames user.keys) (builtins.attrValues cfg.users);
  unusedKeys = filter (label: !(builtins.elem label labels || cfg.settings.keys.${label} ? fingerprint)) (
    builtins.attrNames (cfg.settings.keys or { })
  );
in
{
  config = lib.mkIf cfg.enable {
    assertions = [
      (check (!localDocker || config.virtualisation.docker.enable) "" "there is no Docker on this host"
        "Set virtualisation.docker.enable = true, or services.dockgate.settings.docker.host to where it is"
      )
      (check (names == [ ] || sshd.enable) "" "there is no sshd to start it" "Set services.openssh.enable = true")
      (check (!lib.hasPrefix "ssh://" (cfg.settings.docker.host or "")) ".settings.docker.host"
        "an ssh:// address makes docker start ssh, and the gate starts docker alone"
        "Use unix:///PATH or tcp://ADDRESS:PORT, and run a gate on the host that has the daemon"
      )
      (check
        (builtins.all (value: value == "no") (globally "permituserenvironment" "PermitUserEnvironment"))
        ""
        "sshd's PermitUserEnvironment lets accounts and keys set variables of the gate, LD_PRELOAD for one"
        "Remove PermitUserEnvironment from services.openssh"
      )
      (check (accepted == [ ]) ""
        "sshd's AcceptEnv (${concatStringsSep " " accepted}) lets clients set what the gate believes of sshd, or load code into it"
        "Accept single names, such as LANG and LC_*; for other accounts in a Match block of theirs"
      )
    ]
    ++ builtins.concatLists (mapAttrsToList userChecks cfg.users);

    warnings =
      lib.optional (names == [ ] && !cfg.wrapper.enable)
        "services.dockgate is enabled and has no users, so it gates nobody. Add services.dockgate.users.NAME.keys.LABEL.key."
      ++ lib.optional (cfg.hardenSshd && names != [ ] && lines.others)
        "services.dockgate: services.openssh.extraConfig has a Match block before dockgate's. Where both match, sshd takes the first value: see that it does not match ${concatStringsSep ", " names} (sshd -T -C user=NAME,host=x,addr=192.0.2.1)."
      ++ lib.optional (shutOut != [ ])
        "services.dockgate: services.openssh.settings.AllowUsers shuts out ${concatStringsSep ", " shutOut}. Add them there."
      ++ map (
        label: "services.dockgate.settings.keys.${label}: no account has a key of this label, so nothing is judged by it."
      ) unusedKeys
      ++ lib.optional (cfg.sudoAudit && names != [ ] && (config.security.sudo-rs.enable or false))
        "services.dockgate.sudoAudit: sudo-rs does not read the rules of security.sudo. Set services.dockgate.sudoAudit = false.";
  };
}
