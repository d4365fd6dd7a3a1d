"""The published formats of tokens: one row per format, facts only.

Each line has a kind, the prefix of the token, the alphabet of the rest, and the minimum length of the rest. Lengths
are lower bounds, because providers lengthen their tokens and keep their prefixes. If the alphabet is ``=``, the line
has a pattern of the whole token. Patterns use the subset that RE2 and Python interpret in the same way.

Sources: the providers' own pages, and the rule sets of gitleaks, trufflehog, detect-secrets and Nosey Parker (facts).
"""

#: Alphabets: ``b`` base62, ``w`` word, ``u`` base64url, ``B`` base64, ``h`` hex, ``l`` lower case and digits,
#: ``U`` upper case and digits.
ALPHABETS = {
    "b": "[A-Za-z0-9]",
    "w": "[A-Za-z0-9_]",
    "u": "[A-Za-z0-9_-]",
    "B": "[A-Za-z0-9+/=]",
    "h": "[0-9a-fA-F]",
    "l": "[a-z0-9]",
    "U": "[A-Z0-9]",
}

#: Tokens with a fixed prefix; ``?`` after the kind: only if the rest looks random.
TABLE = r"""
anthropic-key       sk-ant-[a-z]{2,8}[0-9]{0,4}-                    u 10
anthropic-key       sk-ant-                                         u 20
openrouter-key      sk-or-v1-                                       b 32
openai-key          sk-(?:proj|svcacct|admin|service|None)-         u 20
langfuse-key?       sk-lf-                                          u 20
moonshot-key?       sk-kimi-                                        u 30
minimax-key?        sk-api-                                         u 60
provider-key?       sk-                                             u 20
google-key          AIza                                            u 30
google-key          AQ\.Ab8RN6                                      u 30
groq-key            gsk_                                            b 40
xai-key             xai-                                            u 60
perplexity-key      pplx-                                           b 40
together-key        tgp_v1_                                         u 30
fireworks-key?      fw_                                             b 22
cerebras-key        csk-                                            b 40
nvidia-key          nvapi-                                          u 50
huggingface-token   hf_                                             b 30
huggingface-token   api_org_                                        b 30
replicate-token     r8_                                             b 37
elevenlabs-key      sk_                                             h 48
langsmith-key       lsv2_(?:pt|sk)_                                 w 32
wandb-key           wandb_v1_                                       w 60
pinecone-key        pcsk_                                           w 50
tavily-key?         tvly-                                           u 30
jina-key            jina_                                           b 50
firecrawl-key       fc-                                             h 32
brave-key?          BSA                                             u 24
llamacloud-key?     llx-                                            u 40
cursor-key          key_                                            h 64
runpod-key          rpa_                                            U 40
apify-token         apify_api_                                      b 30
e2b-key             e2b_                                            h 40
browserbase-key?    bb_live_                                        u 20
voyage-key?         pa-                                             u 40
bedrock-key         ABSK                                            B 100
bedrock-key         bedrock-api-key-                                B 40
github-token        ghs_[A-Za-z0-9]{20}[A-Za-z0-9_]*(?:[.-][A-Za-z0-9_-]+)*                      =
github-token        gh[pour]_                                       b 20
github-token        github_pat_                                     w 20
gitlab-token        gl(?:pat|dt|rtr?|cbt|ptt|ft|imt|agent|wt|soat|ffct|oas)-[A-Za-z0-9_-]{20,}(?:\.[0-9a-z]{2,9})*  =
gitlab-token        GR1348941                                       u 20
bitbucket-token     ATBB                                            b 32
atlassian-token     ATCTT3xFfG[A-Za-z0-9_-]{50,}(?:(?:=|%3D)[0-9A-F]{8})?       =
atlassian-token     ATATT3xFfG[A-Za-z0-9_-]{50,}(?:(?:=|%3D)[0-9A-F]{8})?       =
bitbucket-token     BBDC-                                           B 40
sourcegraph-token   sgp_(?:[0-9a-f]{16}_|local_)?[0-9a-f]{40}       =
sourcegraph-token   slk_                                            h 64
segment-token?      sgp_                                            b 60
linear-key          lin_(?:api|oauth)_                              b 40
aws-access-key-id   AKIA[0-9A-Z]{16}\b                              =
aws-access-key-id   ASIA[0-9A-Z]{16}\b                              =
aws-access-key-id   A[BC][IC]A[0-9A-Z]{16}\b                        =
aws-mws-token       amzn\.mws\.                                     u 30
aws-appsync-key     da2-                                            b 26
google-oauth-secret GOCSPX-                                         u 20
google-token        ya29\.                                          u 20
google-token?       1//0                                            u 40
digitalocean-token  do[opr]_v1_                                     b 40
cloudflare-token    cf(?:k|ut|at)_                                  b 40
cloudflare-key      v1\.0-[0-9a-f]{24}-[0-9a-f]{100,}               =
heroku-key          HRKU-AA                                         u 40
fly-token           fo1_                                            u 40
fly-token           fm[12][ar]?_                                    B 80
vercel-token        vc[kpiar]_                                      u 40
netlify-token       nfp_                                            w 36
render-key?         rnd_                                            b 28
upcloud-token?      ucat_                                           b 24
supabase-key        sb_secret_                                      u 20
supabase-token      sbp_(?:v0_)?[a-z0-9]{40}                        =
planetscale-token   pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{32,}     =
neon-key            napi_                                           b 60
neon-password?      npg_                                            b 12
alibaba-key-id?     LTAI                                            b 12
tencent-key-id?     AKID                                            b 28
yandex-key?         AQVN                                            u 35
databricks-token    dapi                                            h 32
pulumi-token        pul-                                            h 40
doppler-token       dp\.(?:pt|ct|sa|scim|audit|st\.(?:[a-z0-9_-]{2,35}\.)?)\.?[A-Za-z0-9]{40,44}   =
infracost-key?      ico-                                            b 32
prefect-key         pnu_                                            b 36
vault-token         hv[sbr]\.                                       u 24
onepassword-token   ops_eyJ                                         B 100
tailscale-key       tskey-[a-z]+-                                   u 20
openshift-token     sha256~                                         u 43
swarm-token         SWM(?:TKN|KEY)-1-                               u 40
npm-token           npm_                                            b 36
pypi-token          pypi-Ag                                         u 50
rubygems-key        rubygems_                                       b 40
crates-token?       cio[A-Za-z0-9]{32}\b                            =
nuget-key?          oy2[a-z0-9]{43}\b                               =
clojars-token       CLOJARS_                                        b 60
docker-token        dckr_[po]at_                                    u 20
jfrog-token?        AKCp                                            b 60
jfrog-token         cmVmdGtu                                        b 40
deno-token          dd[pw]_                                         b 36
slack-cookie        xoxd-[A-Za-z0-9%+/=]{40,}                       =
slack-token         xox[a-z]-                                       u 10
slack-token         xoxe\.xox[bp]-1-                                u 40
slack-token         xapp-1-                                         u 20
stripe-key          [sr]k_(?:live|test|prod)_                       b 16
webhook-secret      whsec_                                          B 24
square-token        sq0(?:atp|csp)-                                 u 22
square-token?       EAAA                                            u 56
facebook-token?     EAA                                             b 80
instagram-token     IGQVJ                                           u 100
braintree-token     access_token\$production\$[a-z0-9]{16}\$[0-9a-f]{32}        =
shopify-token       shp(?:at|ca|pa|ss|tka)_                         b 32
plaid-token         access-(?:sandbox|development|production)-[0-9a-f-]{36}     =
flutterwave-key     FLWSECK(?:_TEST)?-                              u 32
paddle-key          pdl_(?:live|sdbx)_apikey_                       w 30
easypost-key        EZ[AT]K                                         b 54
shippo-token        shippo_(?:live|test)_                           h 40
duffel-token        duffel_(?:live|test)_                           u 40
lob-key             live_[0-9a-f]{35}\b                             =
ramp-secret         ramp_sec_                                       b 40
polar-token         polar_oat_                                      b 30
sendgrid-key        SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{30,}    =
mailgun-key?        key-[a-z0-9]{32}\b                              =
resend-key          re_[A-Za-z0-9]{8}_[A-Za-z0-9]{20,}              =
brevo-key           xkeysib-[0-9a-f]{64}-[A-Za-z0-9]{16}            =
mailersend-token    mlsn\.                                          b 60
twilio-key          SK[0-9a-f]{32}\b                                =
telnyx-key          KEY[0-9A-F]{32}_                                b 20
circleci-token      CCIPAT_[A-Za-z0-9]{22}_[0-9a-f]{40}             =
buildkite-token     bk(?:ua|aa|aj|ar|ct|pt|pat|ps)_                 b 40
octopus-key?        API-[A-Z0-9]{26}\b                              =
harness-token       [ps]at\.[A-Za-z0-9_-]{22}\.[0-9a-f]{24}\.       b 20
postman-key         PMA[KT]-                                        u 26
figma-token         fig[dpu]_                                       u 38
notion-token        ntn_                                            b 40
notion-token?       secret_[A-Za-z0-9]{43}\b                        =
airtable-token      pat[A-Za-z0-9]{14}\.                            h 64
contentful-token    CFPAT-                                          u 43
mapbox-token        sk\.eyJ[A-Za-z0-9_-]{20,}\.                     u 10
typeform-token      tfp_                                            u 40
hubspot-token       pat-(?:na|eu)[0-9]-                             u 36
launchdarkly-key    (?:sdk|api)-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}    =
salesforce-token    00D[A-Za-z0-9]{12}![A-Za-z0-9._]{60,}           =
dropbox-token       sl\.(?:u\.)?                                    u 100
x-bearer-token      AAAAAAAAAAAAAAAAAAAA[A-Za-z0-9%]{50,}           =
mongodb-key         mdb_sa_sk_                                      u 40
cockroach-key       CCDB1_[A-Za-z0-9]{22}_                          b 40
clickhouse-key?     4b1d[A-Za-z0-9]{38}\b                           =
astra-token         AstraCS:[A-Za-z0-9]{10,40}:                     h 60
elastic-key         essu_                                           B 60
newrelic-key        NR(?:AK|II|IQ|RA|AA)-                           b 25
grafana-token       glsa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}             =
grafana-token       glc_                                            B 32
grafana-key         eyJrIjoi                                        B 40
sentry-token        sntrys_eyJ[A-Za-z0-9+/=_]{40,}                  =
sentry-token        sntryu_                                         b 60
dynatrace-token     dt0[a-z][0-9]{2}\.[A-Z0-9]{24}\.                U 60
posthog-key         phx_                                            b 40
sonar-token         sq(?:a|p|u|co)_                                 b 40
age-key             AGE-SECRET-KEY-1                                U 50
nats-seed?          S[ACNOPUX](?:[A-Z2-7]{28}){2}\b                    =
mailchimp-key       md-[A-Za-z0-9_-]{22}\b                          =
discord-token?      [MNO](?:[A-Za-z0-9]{21,28})\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}    =
jwt      e(?:yJ|yA|w[o0])[A-Za-z0-9_-]{5,}\.e(?:yJ|yA|w[o0])[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)?    =
jwt                 e(?:yJ|yA|w[o0])[A-Za-z0-9_-]{5,}\.(?:[A-Za-z0-9_-]*\.){3}[A-Za-z0-9_-]+     =
slack-webhook       hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]{20,}        =
discord-webhook     discord(?:app)?\.com/api/webhooks/[0-9]{15,22}/ u 40
teams-webhook       webhook\.office\.com/webhookb2/[A-Za-z0-9@/-]{60,}          =
"""

#: Tokens that may be cut off at the end of a text: shorter than the format, to the end of a line.
CUT = r"""
anthropic-key       sk-ant-                                         u 4
openai-key          sk-proj-                                        u 6
github-token        gh[pousr]_                                      b 6
github-token        github_pat_                                     w 4
gitlab-token        glpat-                                          u 6
google-key          AIzaSy                                          u 6
slack-token         xox[bp]-                                        u 6
stripe-key          [sr]k_live_                                     b 6
huggingface-token   hf_                                             b 10
npm-token           npm_                                            b 10
aws-access-key-id   AKIA                                            U 8
jwt                 eyJ                                             u 12
"""

#: Tokens with a fixed middle: its pattern, and the pattern of the whole token, in which ``@`` represents the middle.
#: At most 96 characters precede it.
MIDDLES = r"""
openai-key          T3BlbkFJ[A-Za-z0-9_-]{8}        [A-Za-z0-9_-]{20,90}@[A-Za-z0-9_-]{12,}
azure-key           JQQJ9[A-Za-z0-9]{8}             [A-Za-z0-9]{40,60}@[A-Za-z0-9]{12,}=*
azure-devops-token  AZDO[A-Za-z0-9]{4}\b            [A-Za-z0-9]{76}@
azure-registry-key  \+ACR[A-Za-z0-9]{6}\b           [A-Za-z0-9+/]{42}@
terraform-token     \.atlasv1\.[A-Za-z0-9_-]{8}     [A-Za-z0-9]{14}@[A-Za-z0-9_-]{40,}
telegram-token      :AA[A-Za-z0-9_-]{8}             [0-9]{8,10}@[A-Za-z0-9_-]{24,26}
entra-secret        [0-9]Q~                         [A-Za-z0-9_~.-]{3}@[A-Za-z0-9_~.-]{31,36}
zhipu-key           [0-9a-f]{4}\.[A-Za-z0-9]{16}\b  \b[0-9a-f]{28}@
mailchimp-key       [0-9a-f]{4}-us[0-9]{1,2}\b      \b[0-9a-f]{28}@
newrelic-key        NRAL\b                          \b[0-9a-f]{32}(?:[0-9a-f]{4}|FFFF)@
asana-token         :[0-9a-f]{32}\b                 \b[01]/[0-9]{15,17}@
"""

#: Password hashes, which begin with a sign.
HASHES = r"""
password-hash       \$2[abxy]\$[0-9]{2}\$[./A-Za-z0-9]{53}
password-hash       \$[56]\$(?:rounds=[0-9]+\$)?[./A-Za-z0-9]{4,16}\$[./A-Za-z0-9]{43,86}
password-hash       \$y\$[./A-Za-z0-9]{2,8}\$[./A-Za-z0-9]{10,86}\$[./A-Za-z0-9]{43}
password-hash       \$argon2id?\$v=[0-9]+\$[a-z0-9=,]+\$[A-Za-z0-9+/]{11,64}\$[A-Za-z0-9+/]{20,}
password-hash       \$apr1\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{22}
asaas-key           \$aact_prod_[A-Za-z0-9:=+/$-]{40,}
"""
