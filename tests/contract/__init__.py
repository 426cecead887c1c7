"""Programs that know nothing of Welkin, unmodified, against a running one: openstackclient, openstacksdk, a browser."""
