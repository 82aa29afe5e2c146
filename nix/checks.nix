# What has to hold for the accounts of module.nix, with what to do about it. A failed one stops the build of a system.
{ config, lib, ... }:

let
  inherit (lib) concatStringsSep filter mapAttrsToList;

  cfg = config.services.dockgate;
  sshd = config.services.openssh;
  names = builtins.attrNames cfg.users;
  read = import ./sshd.nix { inherit lib; };
  inherit (read) takes;

  matches = pattern: text: builtins.match pattern text != null;

  # `check condition where what fix`
  check = assertion: where: what: fix: {
    inherit assertion;
    message = "services.dockgate${where}: ${what}. ${fix}.";
  };

  # The words of --key and --profile, as dockgate takes them.
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
  trim = import ./trim.nix;

  profiles = [
    "default"
    "read-only"
    "operator"
  ]
  ++ builtins.attrNames (cfg.settings.profiles or { });

  # Addresses and ranges as sshd's from= takes them: a range by its first address, or sshd lets nobody in.
  octet = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
  isOrigin =
    entry:
    let
      bare = lib.removePrefix "!" entry;
      v4 = builtins.match "${octet}[.]${octet}[.]${octet}[.]${octet}(/(3[0-2]|[12]?[0-9]))?" bare;
      number = at: lib.toInt (builtins.elemAt v4 at);
      address = ((number 0 * 256 + number 1) * 256 + number 2) * 256 + number 3;
      bits = if builtins.elemAt v4 5 == null then 32 else number 5;
      power = exponent: builtins.foldl' (product: _: product * 2) 1 (builtins.genList (n: n) exponent);
      first = address == (address / power (32 - bits)) * power (32 - bits);
      looksLikeAddress = matches "[0-9.]+(/.*)?" bare || matches "[0-9A-Fa-f:.]*:.*" bare || lib.hasInfix "/" bare;
    in
    if v4 != null then
      first
    else if looksLikeAddress then
      matches "[0-9A-Fa-f:]*:[0-9A-Fa-f:]*([0-9.]+)?(/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))?" bare || matches "[0-9]{1,3}([.][0-9*?]{1,3}){1,3}" bare && lib.hasInfix "*" bare
    else
      matches "[A-Za-z0-9.*?_-]+" bare;

  keyChecks =
    name: label:
    {
      key,
      profile,
      from,
    }:
    let
      where = ".users.${name}.keys.${label}";
      line = trim key;
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
      (check (builtins.all isOrigin from) where
        "from has an entry that is no address, range or name: ${concatStringsSep " " (filter (entry: !isOrigin entry) from)}"
        "Use entries such as 192.0.2.0/24, one to a string, a range by its first address"
      )
    ];

  # Groups that are root by another way.
  powerful = [
    "root"
    "wheel"
    "disk"
    "kmem"
    "shadow"
    "lxd"
    "incus"
    "incus-admin"
    "libvirtd"
    "qemu-libvirtd"
    "kvm"
    "vboxusers"
    "podman"
    "nixbld"
  ];

  # Where the system keeps its own.
  systemHome =
    home:
    builtins.elem home [
      "/home"
      "/media"
      "/mnt"
      "/opt"
      "/srv"
      "/usr"
      "/var"
      "/var/empty"
      "/var/lib"
      "/var/log"
    ]
    ||
      builtins.any (top: home == top || lib.hasPrefix "${top}/" home) [
        "/bin"
        "/boot"
        "/dev"
        "/etc"
        "/lib"
        "/nix"
        "/proc"
        "/root"
        "/run"
        "/sbin"
        "/sys"
        "/tmp"
        "/var/tmp"
        "/var/run"
      ];

  groupsOf =
    name:
    let
      account = config.users.users.${name};
      member = group: builtins.elem name (config.users.groups.${group}.members or [ ]);
    in
    lib.unique ([ account.group ] ++ account.extraGroups ++ filter member (builtins.attrNames config.users.groups));

  # Whose home lies at or below another's.
  sameHome =
    name: home:
    let
      others = lib.filterAttrs (other: _: other != name) config.users.users;
      meets = other: other == home || lib.hasPrefix "${home}/" other || lib.hasPrefix "${other}/" home;
    in
    filter (other: meets others.${other}.home && !builtins.elem others.${other}.home [ "/" "/home" "/var" "/var/lib" ]) (
      builtins.attrNames others
    );

  bodies = builtins.concatLists (
    mapAttrsToList (
      name: user:
      mapAttrsToList (label: key: {
        where = "${name}.keys.${label}";
        body = builtins.elemAt (lib.splitString " " (trim key.key) ++ [ "" "" ]) 1;
      }) user.keys
    ) cfg.users
  );

  userChecks =
    name: user:
    let
      where = ".users.${name}";
      account = config.users.users.${name};
      own = "command=\"${lib.getExe cfg.package} --key ";
      groups = filter (group: group != name && builtins.elem group powerful) (groupsOf name);
      unknown = filter (group: !(config.users.groups ? ${group})) account.extraGroups;
      shared = sameHome name user.home;
      # What the account's own entry makes of it, by the name of the option.
      different = filter (option: option != null) [
        (if account.isNormalUser then "isNormalUser" else null)
        (if account.isSystemUser then null else "isSystemUser")
        (if account.name == name then null else "name")
        (if account.home == user.home then null else "home")
        (if account.group == name then null else "group")
        (if user.uid == null || account.uid == user.uid then null else "uid")
        (if account.hashedPassword == "*" then null else "hashedPassword")
        (if account.createHome then "createHome" else null)
        (if (account.password or null) == null then null else "password")
        (if (account.initialPassword or null) == null then null else "initialPassword")
        (if (account.hashedPasswordFile or null) == null then null else "hashedPasswordFile")
      ];
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
      (check (!systemHome user.home) where "the home ${user.home} is a directory of the system's"
        "Leave it out, or use a directory of the account's own, such as /srv/${name}"
      )
      (check (shared == [ ]) where "the home ${user.home} is also that of ${concatStringsSep ", " shared}, or one is below the other"
        "Give each account a directory of its own, such as /srv/${name}"
      )
      (check (different == [ ]) where
        "users.users.${name} is defined elsewhere, too, and sets ${concatStringsSep ", " different}"
        "Remove your users.users.${name} entry: the module makes the account"
      )
      (check (groups == [ ]) where "the account is in ${concatStringsSep ", " groups}, which is root by another way"
        "Take it out of users.users.${name}.extraGroups and users.groups"
      )
      (check (!(before != { } && inDocker name)) where
        "the account is in docker, and reaches the daemon past its proxy"
        "Take it out of extraGroups and of users.groups.docker.members"
      )
      (check (unknown == [ ]) where "there is no group ${concatStringsSep ", " unknown}"
        "Declare it (users.groups.NAME = { }), or take it out of extraGroups"
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
    ++ sshdChecks name
    ++ builtins.concatLists (mapAttrsToList (keyChecks name) user.keys);

  lines = read.parse [ "User" (concatStringsSep "," names) ] sshd.extraConfig;
  global = filter (line: line.match == null) lines;
  # Of blocks that can hold for an account.
  blocksOf = name: filter (line: line.match != null && read.canMatch line.match name (groupsOf name)) lines;

  setting =
    name:
    let
      value = sshd.settings.${name} or null;
      text = value: if builtins.isBool value then (if value then "yes" else "no") else toString value;
    in
    builtins.concatMap (value: filter (word: word != "") (lib.splitString " " (text value))) (
      if value == null then [ ] else lib.toList value
    );
  said = keyword: from: builtins.concatMap (line: line.values) (filter (line: line.keyword == keyword) from);
  globally = keyword: name: setting name ++ said keyword global;

  # What the gate, or the loader before it, believes of sshd.
  ofSshd = [
    "LD_PRELOAD"
    "LD_LIBRARY_PATH"
    "LD_AUDIT"
    "SSH_ORIGINAL_COMMAND"
    "SSH_USER_AUTH"
    "SSH_CONNECTION"
  ];
  accepts = filter (pattern: builtins.any (takes pattern) ofSshd);

  # What the module's block sets: a block before it that can hold for the account has the first word.
  ours = map lib.toLower (import ./block.nix).keywords;

  # A list with USER@HOST in it.
  user = entry: builtins.head (lib.splitString "@" entry);
  anywhere = entry: builtins.length (lib.splitString "@" entry) == 1 || lib.hasSuffix "@*" entry;

  sshdChecks =
    name:
    let
      where = ".users.${name}";
      blocks = blocksOf name;
      before = lib.unique (
        map (line: line.keyword) (filter (line: !line.after && builtins.elem line.keyword ours) blocks)
      );
      accepted = accepts (said "acceptenv" blocks);
      loads = filter (word: builtins.any (takes (builtins.head (lib.splitString "=" word))) ofSshd) (
        globally "setenv" "SetEnv" ++ said "setenv" blocks
      );
      groups = groupsOf name;
      inGroup = pattern: builtins.any (takes pattern) groups;
      # A list of a block's stands in the place of the one for everybody.
      list =
        keyword: option:
        let
          own = said keyword blocks;
        in
        if own != [ ] then own else globally keyword option;
      denied =
        filter (entry: anywhere entry && takes (user entry) name) (list "denyusers" "DenyUsers")
        ++ filter inGroup (list "denygroups" "DenyGroups");
      allowUsers = list "allowusers" "AllowUsers";
      allowGroups = list "allowgroups" "AllowGroups";
      outside = allowUsers != [ ] && !builtins.any (entry: takes (user entry) name) allowUsers;
      outsideGroups = allowGroups != [ ] && !builtins.any inGroup allowGroups;
    in
    [
      (check (!cfg.hardenSshd || before == [ ]) where
        "a Match block in services.openssh.extraConfig, before dockgate's, can hold for the account and sets ${concatStringsSep ", " before}"
        "Where both hold, sshd takes the first value: leave the account out of it, with `Match User *,!${name}` for instance"
      )
      (check (accepted == [ ]) where
        "a Match block in services.openssh.extraConfig can hold for the account, and its AcceptEnv (${concatStringsSep " " accepted}) lets clients set what the gate believes of sshd, or load code into it"
        "Leave the account out of it, with `Match User *,!${name}` for instance"
      )
      (check (loads == [ ]) where "sshd's SetEnv (${concatStringsSep " " loads}) loads code into the gate, or speaks for sshd"
        "Take it out of services.openssh"
      )
      (check (denied == [ ]) where "sshd's DenyUsers or DenyGroups (${concatStringsSep " " denied}) keeps the account out"
        "Take it out of services.openssh"
      )
      (check (!outside) where "services.openssh.settings.AllowUsers shuts the account out" "Add ${name} there")
      (check (!outsideGroups) where "services.openssh.settings.AllowGroups shuts the account out"
        "Add a group of its there: ${concatStringsSep ", " groups}"
      )
    ];

  # Docker elsewhere needs none here.
  host = cfg.settings.docker.host or "unix:///var/run/docker.sock";
  localDocker = builtins.elem host [
    "unix:///var/run/docker.sock"
    "unix:///run/docker.sock"
  ];
  docker = config.virtualisation.docker;
  podman = config.virtualisation.podman or { };
  rootless = (docker.rootless or { }).enable or false;

  # What follows the module's own rules could undo them: the last that matches counts.
  afterSudo =
    let
      rules = "${concatStringsSep "\n" (map (name: "${name} ALL=(ALL:ALL) !ALL") names)}";
      parts = lib.splitString rules (config.security.sudo.configFile or "");
    in
    if builtins.length parts < 2 then null else trim (lib.last parts);

  socketOf = name: "unix:///run/dockgate-proxy/${name}.sock";
  # The proxies that the gates have for their daemon.
  before = lib.filterAttrs (name: _: host == socketOf name) cfg.proxies;
  shutOut = filter (
    account:
    builtins.any (
      proxy: if proxy.group == null then proxy.user != account else !builtins.elem proxy.group (groupsOf account)
    ) (builtins.attrValues before)
  ) names;

  inDocker =
    name: config.users.users ? ${name} && builtins.elem "docker" (groupsOf name);

  proxyChecks =
    name: proxy:
    let
      where = ".proxies.${name}";
      users = builtins.attrNames config.users.users;
      clients =
        if proxy.group == null then
          [ proxy.user ]
        else
          filter (user: builtins.elem proxy.group (groupsOf user)) users;
      # A gate's own account is in userChecks.
      past = filter (user: inDocker user && !(cfg.users ? ${user})) clients;
      of = if proxy.settings == null then cfg.settings else proxy.settings;
      profiles = [
        "default"
        "read-only"
        "operator"
      ]
      ++ builtins.attrNames (of.profiles or { });
    in
    [
      (check (isLabel name) where "the name is part of a file's name" "Use letters, digits and . _ - alone")
      (check (proxy.profile == null || builtins.elem proxy.profile profiles) "${where}.profile"
        "the policy has no profile ${toString proxy.profile}"
        "Add it to the profiles of its settings, or use one of ${concatStringsSep ", " profiles}"
      )
      (check (proxy.key == null || isLabel proxy.key) "${where}.key" "it is no label" "Use 1 to 64 of a-z A-Z 0-9 - _ . @")
      (check (proxy.group != null || config.users.users ? ${proxy.user}) "${where}.user"
        "there is no account ${proxy.user}"
        "Name the account that the program runs as, or declare it in users.users"
      )
      (check (proxy.group == null || config.users.groups ? ${proxy.group}) "${where}.group"
        "there is no group ${toString proxy.group}"
        "Declare it (users.groups.NAME = { }), or name another"
      )
      (check (proxy.group != "docker" && past == [ ]) where
        "${if past == [ ] then "the group docker" else concatStringsSep ", " past} can open the daemon's own socket, past the proxy"
        "Take docker out of the account's groups, or give the proxy a group of its own"
      )
      (check (of.docker.host or "" != socketOf name) where
        "docker.host of its policy is its own socket"
        "Give it settings of its own, whose docker.host is the daemon's"
      )
    ];

  labels = builtins.concatMap (user: builtins.attrNames user.keys) (builtins.attrValues cfg.users);
  unusedKeys = filter (label: !(builtins.elem label labels || cfg.settings.keys.${label} ? fingerprint)) (
    builtins.attrNames (cfg.settings.keys or { })
  );
  twice = filter (one: builtins.any (other: other.where != one.where && other.body == one.body) bodies) bodies;
in
{
  config = lib.mkIf cfg.enable {
    assertions = [
      (check (!(podman.dockerCompat or false) && !((podman.dockerSocket or { }).enable or false)) ""
        "docker is podman on this host, where what the policy protects and limits is not judged"
        "Set virtualisation.docker.enable = true, and virtualisation.podman.dockerCompat and dockerSocket.enable to false"
      )
      (check (!(localDocker && rootless && !docker.enable)) ""
        "Docker is rootless here, and its daemon serves the account alone that runs it"
        "Set virtualisation.docker.enable = true, or services.dockgate.settings.docker.host = \"unix:///run/user/UID/docker.sock\" with the account's own daemon"
      )
      (check (!localDocker || docker.enable || rootless) "" "there is no Docker on this host"
        "Set virtualisation.docker.enable = true, or services.dockgate.settings.docker.host to where it is"
      )
      (check (!lib.hasPrefix "unix:///run/dockgate-proxy/" host || before != { }) ".settings.docker.host"
        "there is no such proxy"
        "Add services.dockgate.proxies.NAME, with settings of its own"
      )
      (check (shutOut == [ ]) ".settings.docker.host"
        "its proxy may not be used by ${concatStringsSep ", " shutOut}"
        "Set the proxy's group to one that the accounts have in extraGroups"
      )
      (check (names == [ ] || sshd.enable) "" "there is no sshd to start it" "Set services.openssh.enable = true")
      (check (!lib.hasPrefix "ssh://" host) ".settings.docker.host"
        "an ssh:// address makes docker start ssh, and the gate starts docker alone"
        "Use unix:///PATH or tcp://ADDRESS:PORT, and run a gate on the host that has the daemon"
      )
      (check
        (builtins.all (value: value == "no") (
          setting "PermitUserEnvironment" ++ said "permituserenvironment" lines
        ))
        ""
        "sshd's PermitUserEnvironment lets accounts and keys set variables of the gate, LD_PRELOAD for one"
        "Remove PermitUserEnvironment from services.openssh"
      )
      (
        let
          accepted = accepts (globally "acceptenv" "AcceptEnv");
        in
        check (accepted == [ ]) ""
          "sshd's AcceptEnv (${concatStringsSep " " accepted}) lets clients set what the gate believes of sshd, or load code into it"
          "Accept single names, such as LANG and LC_*; for other accounts in a Match block of theirs"
      )
      (check (twice == [ ]) "" "one key stands under several labels: ${concatStringsSep ", " (map (key: key.where) twice)}"
        "sshd takes the first line of the two, so keep one label for it"
      )
      (check (!(cfg.sudoAudit && names != [ ] && config.security.sudo.enable) || afterSudo == "") ".sudoAudit"
        "security.sudo has rules behind those of the module, or not those of the module at all, and the last one that matches counts"
        "Give yours an order before lib.mkAfter, and do not force security.sudo.configFile"
      )
    ]
    ++ builtins.concatLists (mapAttrsToList proxyChecks cfg.proxies)
    ++ builtins.concatLists (mapAttrsToList userChecks cfg.users);

    warnings =
      lib.optional (names == [ ] && cfg.proxies == { } && !cfg.wrapper.enable)
        "services.dockgate is enabled and has no users, so it gates nobody. Add services.dockgate.users.NAME.keys.LABEL.key."
      ++ map (
        label: "services.dockgate.settings.keys.${label}: no account has a key of this label, so nothing is judged by it."
      ) unusedKeys
      ++ mapAttrsToList (
        name: _:
        "services.dockgate.proxies.${name} has no key, so whoever connects says by itself whose key something is labelled with. Set services.dockgate.proxies.${name}.key."
      ) (lib.filterAttrs (name: proxy: proxy.key == null && !(before ? ${name})) cfg.proxies)
      ++ lib.optional (cfg.sudoAudit && names != [ ] && (config.security.sudo-rs.enable or false))
        "services.dockgate.sudoAudit: sudo-rs does not read the rules of security.sudo. Set services.dockgate.sudoAudit = false.";
  };
}
