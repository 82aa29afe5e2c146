# What sshd is told of the accounts, keyword by keyword: nothing of it is inherited from what holds for everybody.
rec {
  settings = [
    [ "AuthorizedKeysFile" "/etc/ssh/authorized_keys.d/%u" ]
    [ "AuthorizedKeysCommand" "none" ]
    [ "AuthorizedPrincipalsFile" "none" ]
    [ "AuthorizedPrincipalsCommand" "none" ]
    [ "TrustedUserCAKeys" "none" ]
    [ "PubkeyAuthentication" "yes" ]
    [ "AuthenticationMethods" "publickey" ]
    [ "PasswordAuthentication" "no" ]
    [ "KbdInteractiveAuthentication" "no" ]
    # Each key's line has its own.
    [ "ForceCommand" "none" ]
    [ "ChrootDirectory" "none" ]
    [ "DisableForwarding" "yes" ]
    [ "AllowAgentForwarding" "no" ]
    [ "AllowStreamLocalForwarding" "no" ]
    [ "AllowTcpForwarding" "no" ]
    [ "X11Forwarding" "no" ]
    [ "PermitTunnel" "no" ]
    # `pty` in a key's line opens it; without it the client is told 255 while the command runs.
    [ "PermitTTY" "yes" ]
    [ "PermitUserRC" "no" ]
    [ "ExposeAuthInfo" "yes" ]
    # In the place of the list that holds for everybody.
    [ "AcceptEnv" "LANG LC_*" ]
  ];
  # AcceptEnv adds up over blocks, so another's is looked at by itself.
  keywords = builtins.filter (keyword: keyword != "AcceptEnv") (map builtins.head settings);
}
